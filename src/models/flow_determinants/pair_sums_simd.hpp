#pragma once

#include <span>

#include "kronwerk/core/extents.hpp"

/// Vector code for sums over pairs of eigenvalues; chosen for the processor at run time. All local.
namespace kronwerk::models::pair_sums {

using core::Index;

/// Σ_j of log|q_j|, and with r_j = 1 / q_j of r, b r, r², b r², b² r², |r|.
struct PairSums {
  double log_abs = 0;
  Index negative = 0;  ///< how many q_j are below zero (of real ones)
  /// Real and imaginary parts.
  double reciprocal[2] = {};
  double first[2] = {};
  double squared[2] = {};
  double first_squared[2] = {};
  double second_squared[2] = {};
  double magnitude = 0;  ///< Σ |r_j|
};

/// Real numbers and their range.
struct Reals {
  std::span<const double> values;
  double least = 0;
  double greatest = 0;
};

/// q_j = p + s b_j, all real. Hundreds of values are multiplied for one logarithm, their exponents
/// kept apart.
/// @param derivatives  otherwise only log_abs and negative are found
PairSums sum_real(double p, double s, const Reals& b, bool derivatives);

/// The same with complex numbers, each given by its parts.
struct ComplexPair {
  double re;
  double im;
};
PairSums sum_complex(ComplexPair p, ComplexPair s, std::span<const double> b_re,
                     std::span<const double> b_im, bool derivatives);

/// Σ_j w_j of the same, for q_j > 0 (NaN otherwise).
PairSums sum_weighted(double p, double s, std::span<const double> b, std::span<const double> w,
                      bool derivatives);

}  // namespace kronwerk::models::pair_sums
