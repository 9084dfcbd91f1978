#pragma once

#include <string>
#include <vector>

#include "application/flow/flow_job.hpp"
#include "application/flow/flow_observations.hpp"
#include "kronwerk/models/flow/gaussian_flow.hpp"

namespace kronwerk::application {

/// What a fit of a Gaussian flow model found.
struct FlowEstimates {
  std::vector<double> parameters;  ///< in the filter's order
  models::GaussianFlow::Value value;
  double log_likelihood = 0;   ///< of the values that the user asked for
  Index cells = 0;             ///< N
  std::vector<char> at_bound;  ///< of each parameter
  std::vector<std::string> at_border;
  models::EffectValues effects;     ///< fixed ones
  std::vector<double> information;  ///< of (θ, δ, σ²); empty if not asked for
};

/// Parameters, coefficients and what follows from them: datasets, attributes and lines. Collective.
void write_estimates(FlowContext& context, const FlowEstimates& estimates);

/// /fitted/trend (Zδ), /fitted/expectation (A⁻¹Zδ where the filter acts on the response), /residual
/// (observed minus expectation, NaN where a flow is missing) and /r2. Collective.
/// @param flows  lost
/// @param shape  of a dataset like the observations
/// @return why the solve was not accepted; empty if it was
std::string write_fitted(FlowContext& context, const FlowEstimates& estimates,
                         FlowObservations::Flows& flows, const core::Extents& shape);

}  // namespace kronwerk::application
