#pragma once

#include <string>
#include <vector>

#include "application/flow/flow_job.hpp"
#include "kronwerk/models/flow_counts/count_flow.hpp"

namespace kronwerk::application {

/// What a fit of a count model found.
struct CountEstimates {
  std::vector<double> x;  ///< the filter's parameters, δ and log θ
  bool binomial = false;  ///< with θ
  double log_likelihood = 0;
  std::vector<double> gradient;
  models::EffectValues effects;  ///< fixed ones
  Index cells = 0;
  std::vector<char> at_bound;  ///< of each parameter of the filter
  std::vector<std::string> at_border;
  std::vector<double> covariance;         ///< of x; empty if there is none
  std::vector<double> robust_covariance;  ///< likewise
  std::string why_no_errors = "the observed information is not positive definite";
};

/// Parameters, coefficients, standard errors and what follows: datasets, attributes and lines.
/// Collective.
void write_count_estimates(FlowContext& context, CountEstimates estimates);

/// /fitted/trend (Zδ), /fitted/linear_predictor (η), /fitted/expectation (λ), /residual (observed
/// minus λ) and /r2. Collective.
/// @param flow   evaluated at the estimates
/// @param shape  of a dataset like the observations
void write_count_fitted(FlowContext& context, const CountEstimates& estimates,
                        const models::CountFlow& flow, const core::Extents& shape);

}  // namespace kronwerk::application
