#pragma once

#include <optional>
#include <span>
#include <vector>

#include "factors/dense/dense_apply.hpp"
#include "factors/sparse/sparse_arrays.hpp"
#include "kronwerk/factors/spectra/bases.hpp"

namespace kronwerk::factors {

/// Entries that agree with their mirror image to this are symmetric up to rounding.
inline constexpr double symmetry_tolerance = 5e-14;
/// A scaling wider than this would lose the small components of a solution. Its square root bounds
/// the condition of the basis that it makes.
inline constexpr double widest_scaling = 1e6;

/// The stored entry (row, column), or zero.
double entry_at(const SparseView& matrix, Index row, std::int32_t column);

/// d > 0 with d_i a_ij = d_j a_ji, found by walking the graph of the matrix from one vertex of each
/// component (d = 1 there) and checked on every entry: for sparse matrices each with its mirror
/// image, for dense ones in relation to the largest entry of D^½ A D^-½, as products and inverses
/// have errors of that size. Nothing if there is none within widest_scaling. Local.
std::optional<std::vector<double>> symmetrising_scale(const SparseView& matrix);
std::optional<std::vector<double>> symmetrising_scale(const DenseView& matrix);

/// |a_ij - a_ji| is rounding next to the largest entry. Local; the matrix is square.
bool is_symmetric(const SparseView& matrix);
bool is_symmetric(const DenseView& matrix);

/// An interval that holds every eigenvalue.
struct Interval {
  double least = 0;
  double greatest = 0;
};

/// Gershgorin's discs of A by rows, of Aᵀ, and of D^½ A D^-½; all have the same eigenvalues, which
/// are real. Local.
Interval gershgorin(const SparseView& matrix, std::span<const double> scale);
Interval gershgorin(const DenseView& matrix, std::span<const double> scale);

/// True if D^½ A D^-½ − shift I has a Cholesky factorisation. Local.
bool is_definite(const SparseView& matrix, std::span<const double> scale, double shift);
bool is_definite(const DenseView& matrix, std::span<const double> scale, double shift);

/// D^½ A D^-½ in place of A: row-major, exactly symmetric on return. Local.
void symmetrise(Index extent, std::span<const double> scale, double* matrix);

}  // namespace kronwerk::factors
