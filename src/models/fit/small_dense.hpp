#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace kronwerk::models {

/// L of A = L Lᵀ for a symmetric (n, n) matrix, of which the lower triangle is read: row-major,
/// zeros above the diagonal; absent if A is not positive definite.
std::optional<std::vector<double>> cholesky_root(std::span<const double> matrix, std::size_t n);
/// x = L⁻¹ x and x = L⁻ᵀ x in place, for an (n, n) lower triangle L. Local.
void solve_root(std::span<const double> root, std::span<double> x);
void solve_root_transposed(std::span<const double> root, std::span<double> x);

/// Cholesky factorisation of a symmetric positive definite (n, n) matrix, scaled to a unit
/// diagonal first. For matrices of a few hundred rows.
class SmallCholesky {
 public:
  /// @param smallest_pivot  of the scaled matrix; at or below it the matrix is taken as singular
  SmallCholesky(std::span<const double> matrix, std::size_t n, double smallest_pivot);

  /// The first row that depends on those before it, up to the smallest pivot.
  std::optional<std::size_t> dependent() const { return dependent_; }
  /// A⁻¹ b in place. The matrix must be positive definite.
  void solve(std::span<double> b) const;
  std::vector<double> solved(std::vector<double> b) const {
    solve(b);
    return b;
  }
  /// (n, n)
  std::vector<double> inverse() const;
  /// What row `dependent()` is made of: weights of the scaled rows before it.
  std::vector<double> dependence() const;

 private:
  std::size_t n_;
  std::vector<double> scale_;
  std::vector<double> factor_;  ///< lower triangle, row-major
  std::optional<std::size_t> dependent_;
};

/// y = A x for an (m, n) matrix.
std::vector<double> multiply(std::span<const double> matrix, std::span<const double> x);
double inner(std::span<const double> x, std::span<const double> y);

}  // namespace kronwerk::models
