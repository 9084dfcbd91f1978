#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kronwerk/models/fit/fit.hpp"
#include "kronwerk/models/flow/moments.hpp"
#include "kronwerk/models/flow_determinants/determinant.hpp"

namespace kronwerk::models {

/// The likelihood of a Gaussian flow model with its coefficients δ and σ² integrated out, under a
/// flat prior of δ and σ² ~ inverse gamma(a, b), or ∝ 1/σ² for a = b = 0 (LeSage and Pace 2009,
/// section 5.3): with N cells in Y years, p coefficients and G the columns' Gram matrix,
///   log p(y | θ) = Y log|A(θ)| - ½ log|G(θ)| - (a + (N - p)/2) log(b + S(θ)/2) + constant.
/// Not the likelihood that a fit concentrates: that has neither G nor the p.
class IntegratedFlow {
 public:
  /// @param filter, determinant  must outlive this
  /// @param moments  of flows that were all observed
  /// @throws ConfigurationError unless the filter maps fixed effects to such with the same
  /// determinant everywhere: where they are absorbed it acts on the response
  IntegratedFlow(const FlowFilter& filter, const FilterDeterminant& determinant,
                 FlowMoments moments, double shape, double scale);

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

  const FlowFilter* filter_;
  const FilterDeterminant* determinant_;
  FlowMoments moments_;
  double shape_;
  double scale_;
};

}  // namespace kronwerk::models
