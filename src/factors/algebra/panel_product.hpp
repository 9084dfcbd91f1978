#pragma once

#include <span>
#include <string>
#include <variant>
#include <vector>

#include "kronwerk/factors/base/chain.hpp"

namespace kronwerk::factors {

/// op(A)⁻¹ times panels of columns, each solve judged: what is formed from inverses owes its
/// accuracy to these solves, and nothing judges them later.
///
/// A solve op(A) x = b is accepted where ‖r‖ ≤ c ε (‖A‖ ‖x‖ + ‖b‖), r = b − op(A) x, in every
/// column; what is above is refined, x += op(A)⁻¹ r, until that gains less than a factor two
/// (Higham 2002, chapters 7 and 12). ‖A‖ is estimated from below by power iteration.
class JudgedInverse {
 public:
  /// Local. The link's factor must have been factorised.
  explicit JudgedInverse(const Link& inverse);

  Index rows() const { return inverse_.rows(); }
  /// x = op(A)⁻¹ b, both (rows, count), row-major. Local; x and b must not overlap.
  /// @throws ConvergenceError if the decomposition is too inaccurate, naming the factor
  void apply(Index count, std::span<const double> b, std::span<double> x);

 private:
  void find_residual(Index count, std::span<const double> b, std::span<const double> x);
  double worst(Index count, std::span<const double> b, std::span<const double> x) const;

  Link inverse_;
  Link matrix_;
  double norm_ = 0;
  std::vector<double> residual_, trial_, correction_;
};

/// A chain's matrix times panels of columns, whose solves are judged.
class PanelProduct {
 public:
  /// Local. Inverses must have been factorised.
  explicit PanelProduct(const Chain& chain);

  /// y (rows, count) = chain x (cols, count), both row-major. Local; x and y must not overlap.
  /// @throws ConvergenceError as JudgedInverse
  void apply(Index count, std::span<const double> x, std::span<double> y);

 private:
  /// What stands between two solves, or one solve.
  using Step = std::variant<LocalProduct, JudgedInverse>;

  std::vector<Step> steps_;  ///< the first acts first
  std::vector<double> from_, to_;
};

}  // namespace kronwerk::factors
