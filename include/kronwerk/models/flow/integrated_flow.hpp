#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kronwerk/models/fit/fit.hpp"
#include "kronwerk/models/flow/flow_least_squares.hpp"
#include "kronwerk/models/flow/moments.hpp"
#include "kronwerk/models/flow_determinants/determinant.hpp"
#include "kronwerk/models/flow_missing/missing_flows.hpp"

namespace kronwerk::models {

/// The likelihood of a Gaussian flow model with its coefficients δ and σ² integrated out, under a
/// flat prior of δ and σ² ~ inverse gamma(a, b), or ∝ 1/σ² for a = b = 0 (LeSage and Pace 2009,
/// section 5.3): with N cells in Y years, p coefficients and G the columns' Gram matrix,
///   log p(y | θ) = Y log|A(θ)| - ½ log|G(θ)| - (a + (N - p)/2) log(b + S(θ)/2) + constant,
/// and with missing flows, of which N, S and G are what remains, as MissingFlows says.
/// Not the likelihood that a fit concentrates: that has neither G nor the p.
class IntegratedFlow {
 public:
  /// @param filter, determinant  must outlive this
  /// @param moments  of zeros where a flow was not observed
  /// @param missing  what was not observed; not with fixed effects
  /// @throws ConfigurationError unless the filter maps fixed effects to such with the same
  /// determinant everywhere: where they are absorbed it acts on the response
  IntegratedFlow(const FlowFilter& filter, const FilterDeterminant& determinant,
                 FlowMoments moments, double shape, double scale,
                 std::optional<MissingFlows> missing = std::nullopt);

  /// With the derivatives by the filter's parameters. Collective.
  /// @throws DataError where the determinant is not positive
  Evaluation evaluate(std::span<const double> parameters) const;

  /// σ² and δ, drawn given the filter's parameters: with those the draw of a joint posterior.
  /// Local.
  /// @param stream  of random numbers; streams differ by less than 2^56
  struct Given {
    double sigma2 = 0;
    std::vector<double> coefficients;
  };
  Given draw(std::span<const double> parameters, std::uint64_t seed, std::uint64_t stream) const;

 private:
  double degrees() const noexcept;
  FlowLeastSquares solve(std::span<const double> coefficients) const;
  DeterminantValue determinant(std::span<const double> coefficients) const;
  std::vector<double> gram_slopes(const FlowLeastSquares& squares,
                                  std::span<const double> coefficients) const;

  const FlowFilter* filter_;
  const FilterDeterminant* determinant_;
  FlowMoments moments_;
  double shape_;
  double scale_;
  std::optional<MissingFlows> missing_;
};

}  // namespace kronwerk::models
