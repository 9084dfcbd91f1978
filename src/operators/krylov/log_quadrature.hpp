#pragma once

#include <cstddef>
#include <vector>

namespace kronwerk::operators {

/// What a Lanczos process has shown of zᵀ log(A) z / zᵀz, for a symmetric positive definite A.
struct QuadratureEstimate {
  double value = 0;
  /// Of the value: half the distance of two bounds where the spectrum's lower end is known, else an
  /// estimate; with what rounding may have changed.
  double error = 0;
  double size = 0;      ///< zᵀ |log(A)| z / zᵀz
  double least = 0;     ///< the smallest node, an upper bound of A's smallest eigenvalue
  double greatest = 0;  ///< the largest node
  bool settled = false;
};

/// The Gauss quadrature of the logarithm that belongs to a growing Lanczos matrix T (Golub and
/// Meurant 2010, chapter 6). T is kept as BᵀB with a bidiagonal B, whose singular values are found
/// to full relative accuracy, so that it serves Lanczos processes of A (T = BᵀB is then a Cholesky
/// factorisation) and Golub-Kahan processes of Op with A = OpᵀOp, which never square the condition.
///
/// All even derivatives of the logarithm are negative and all odd ones positive. So a Gauss rule is
/// an upper bound, and a Gauss-Radau rule with a node at or below A's smallest eigenvalue a lower
/// one. Where no such bound is known (or a Ritz value contradicts it), the node is taken at half of
/// the smallest Ritz value, and the rule must not have changed over the last quarter of its steps
/// either.
class LogQuadrature {
 public:
  /// @param least      lower bound of the eigenvalues of A; 0 if none is known
  /// @param tolerance  settled is an error of at most this part of QuadratureEstimate::size
  LogQuadrature(double least, double tolerance);

  /// The next diagonal entry of T. False if T is not positive definite: nor is A, and nothing more
  /// can be done.
  bool extend(double diagonal);
  /// The same from the next pivot of T, as CG has it (1/α); its couple_ratio() is √β.
  bool extend_pivot(double pivot);
  /// The next diagonal entry of B. False if it is 0.
  bool extend_bidiagonal(double diagonal);
  /// The off-diagonal entry of T (or of B) behind the last diagonal one. With 0, the rule is exact.
  void couple(double off_diagonal);
  void couple_ratio(double ratio) { ratios_.push_back(ratio); }
  void couple_bidiagonal(double off_diagonal);

  /// Diagonal entries so far.
  std::size_t steps() const noexcept { return pivots_.size(); }
  /// Whether an estimate is worth its time at this number of steps: at each of the first, then at
  /// distances in proportion to it.
  bool due() const noexcept;
  /// After extend() and couple(). O(steps²). Local.
  QuadratureEstimate estimate();

 private:
  struct Past {
    std::size_t steps;
    double value;
  };
  double radau(double node) const;
  double change(double value) const;

  double least_;
  double tolerance_;
  bool of_bidiagonal_ = false;
  std::vector<double> pivots_;  ///< D of BᵀB = L D Lᵀ
  std::vector<double> ratios_;  ///< the subdiagonal of L; one fewer than pivots before couple()
  std::vector<Past> past_;
};

}  // namespace kronwerk::operators
