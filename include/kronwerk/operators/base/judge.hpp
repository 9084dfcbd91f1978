#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/operators/base/column_norms.hpp"
#include "kronwerk/operators/base/linear_operator.hpp"

namespace kronwerk::operators {

/// y = M x or Mᵀ x, or y += that; collective.
using VectorMap = std::function<void(std::span<const double> x, std::span<double> y,
                                     bool transposed, bool accumulate)>;
VectorMap map_of(OperatorPtr op);

/// What a residual at rounding level means for the solution.
struct RoundingLevel {
  double backward_error = 0;  ///< the largest ‖r‖ / (‖Op‖ ‖x‖ + ‖b‖)
  double condition = 0;       ///< estimate of ‖Op‖ ‖Op⁻¹‖
  double error = 0;           ///< the largest estimate of ‖error of x‖ / ‖x‖
};

/// What the true residuals say of the solutions of a system with several right-hand sides.
struct Verdict {
  bool accepted = true;
  std::vector<double> residuals;  ///< ‖b - Op x‖ / ‖b‖ of each; 0 where both are zero
  double tolerance = 0;           ///< that the residuals were held against
  bool refined = false;           ///< whether a direct method's inverse could refine
  Index refinements = 0;          ///< steps of iterative refinement
  /// Set if a residual above the tolerance was accepted, because rounding allows no less.
  std::optional<RoundingLevel> rounding;

  /// The right-hand side with the largest residual (or NaN), and that residual; 0 without any.
  std::size_t worst_column() const;
  double worst() const;
  /// Why the solutions were not accepted, with the worst residual; "" if they were.
  /// @param first, all  number of the first right-hand side among those of the job, and how many
  /// these are; absent if there are no others
  std::string reason(Index first = 0, Index all = 0) const;
};

/// The one judge of all solves with an operator: Op x = b or Opᵀ x = b, whatever found x.
///
/// Every right-hand side is judged by itself. Accepted is ‖r‖ ≤ tolerance ‖b‖. What is above is
/// refined with the inverse of a direct method, x += Op⁻¹ r, until that gains less than a factor
/// two; then ‖r‖ ≤ 10 ε (‖Op‖ ‖x‖ + ‖b‖) is accepted too (Higham 2002, chapters 7 and 12), where
/// ‖Op‖ is estimated from below by power iteration. Nothing else is.
class SolveJudge {
 public:
  struct System {
    VectorMap product;      ///< Op
    VectorMap inverse;      ///< Op⁻¹ of a direct method; empty for others: nothing is refined
    ColumnNorms columns;    ///< of solutions and right-hand sides
    Index first_entry = 0;  ///< of this rank's block, for the power iteration's start
    double tolerance = 1e-10;
  };
  /// Writes the right-hand sides into a block again.
  using RightSides = std::function<void(std::span<double>)>;

  explicit SolveJudge(System system) : system_(std::move(system)) {}

  /// Judges x, and refines it. One application if all is well, and no memory; for a refinement one
  /// more block. Collective.
  /// @param b      the right-hand sides; lost
  /// @param again  writes them anew, for residuals that owe nothing to those before
  Verdict judge(std::span<double> b, std::span<double> x, bool transposed, const RightSides& again);

  /// Estimates of ‖Op‖ and ‖Op⁻¹‖ from below, made once. Collective.
  /// @param v, w  room for two blocks
  double operator_norm(std::span<double> v, std::span<double> w);
  double inverse_norm(std::span<double> v, std::span<double> w);

 private:
  struct Lengths;
  void find_residual(std::span<double> b, std::span<const double> x, bool transposed,
                     Lengths& lengths) const;
  void refine(std::span<double> b, std::span<double> x, std::span<double> correction,
              bool transposed, const RightSides& again, Lengths& lengths, Verdict& verdict) const;
  void accept_rounding(std::span<double> b, std::span<const double> x, std::span<double> correction,
                       const Lengths& lengths, Verdict& verdict);
  void conclude(const Lengths& lengths, Verdict& verdict) const;
  double norm_of(const VectorMap& map, std::span<double> v, std::span<double> w) const;

  System system_;
  std::optional<double> operator_norm_;
  std::optional<double> inverse_norm_;
};

}  // namespace kronwerk::operators
