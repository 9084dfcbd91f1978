#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/models/flow/fixed_effects.hpp"
#include "kronwerk/models/flow/flow_least_squares.hpp"
#include "kronwerk/models/flow/moments.hpp"
#include "kronwerk/models/flow_determinants/determinant.hpp"
#include "kronwerk/models/flow_missing/missing_flows.hpp"

namespace kronwerk::models {

/// The log likelihood of a Gaussian flow model, concentrated over δ and σ² (LeSage and Pace 2008,
/// section 3): with N observed cells in Y years,
/// ℓ(θ) = Y log det A(θ) - N/2 (1 + log(2π S(θ)/N)), and with missing flows as MissingFlows says.
/// From the moments alone: O(T² p² + p³) a point, and the determinant.
class GaussianFlow {
 public:
  /// @param filter, determinant  must outlive this
  /// @param moments       of zeros where a flow was not observed
  /// @param column_names  for messages
  /// @param missing       what was not observed
  GaussianFlow(const FlowFilter& filter, const FilterDeterminant& determinant, FlowMoments moments,
               Index years, std::vector<std::string> column_names,
               std::optional<MissingFlows> missing = std::nullopt);

  struct Value {
    double log_likelihood = 0;
    double log_determinant = 0;    ///< of A, for all years
    double determinant_error = 0;  ///< bound, for all years
    double sigma2 = 0;             ///< S/N
    FlowLeastSquares squares;
    std::vector<double> gradient;  ///< P
    std::vector<double> hessian;   ///< (P, P)
  };
  /// Collective. @throws DataError where the determinant is not positive
  Value evaluate(std::span<const double> parameters) const;

  /// @throws DataError naming columns that are zero, or combinations of others, at these parameters
  void check_columns(std::span<const double> parameters) const;

  /// Minus the second derivatives of the log likelihood by (θ, δ, σ²) at its maximum over δ and σ².
  /// Collective.
  std::vector<double> information(std::span<const double> parameters) const;

  /// The fixed effects of A y, or of A (y - Zδ), at a value's coefficients. Local.
  EffectValues effects(const Value& value, std::span<const double> parameters) const;

  /// N
  Index cells() const noexcept { return cells_; }
  const FlowFilter& filter() const noexcept { return *filter_; }

 private:
  FlowLeastSquares solve(std::span<const double> coefficients) const;
  /// Of all years, missing flows integrated out.
  DeterminantValue determinant(std::span<const double> coefficients) const;

  const FlowFilter* filter_;
  const FilterDeterminant* determinant_;
  FlowMoments moments_;
  Index cells_;
  double years_;
  std::vector<std::string> names_;
  std::optional<MissingFlows> missing_;
};

}  // namespace kronwerk::models
