#pragma once

#include <span>

#include "kronwerk/core/extents.hpp"

/// Vector code on runs of eigenvalues that stay in the first-level cache; chosen for the processor
/// at run time. All local.
namespace kronwerk::operators::spectral {

using core::Index;

/// A run never has more values than this.
inline constexpr Index run_length = 1024;

/// out_j = Σ_r weights[r] * arrays[r][first + j], 0 <= j < count. At least one array.
void combine(std::span<const double> weights, const double* const* arrays, Index first, Index count,
             double* out);

/// x_j /= divisors_j.
void divide(const double* divisors, Index count, double* x);

/// x_j *= factors_j.
void multiply(const double* factors, Index count, double* x);

/// out_j = sqrt(re_j² + im_j²).
void magnitudes(const double* re, const double* im, Index count, double* out);

/// Smallest and largest |v_j|; infinity and 0 for none.
struct Magnitudes {
  double smallest;
  double largest;
};
Magnitudes range_of(const double* values, Index count);

/// log|Π v_j| by multiplying mantissas and adding exponents (one log a run), and how many are
/// negative. Zero or subnormal values make it the sum of their logarithms instead.
struct LogProduct {
  double log_abs;
  Index negative;
};
LogProduct log_product(const double* values, Index count);

/// Σ_j numerators_j / denominators_j.
double sum_of_ratios(const double* numerators, const double* denominators, Index count);

}  // namespace kronwerk::operators::spectral
