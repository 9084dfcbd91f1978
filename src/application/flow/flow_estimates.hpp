#pragma once

#include <vector>

#include "application/flow/flow_job.hpp"

namespace kronwerk::application {

/// The numbers of a flow model that was estimated before: from the configuration, and what is not
/// there from the result that `parameters.file` names.
struct GivenEstimates {
  std::vector<double> parameters;    ///< of the filter, in its order
  std::vector<double> coefficients;  ///< one for each column
  models::EffectValues effects;      ///< fixed ones; empty where the task does not depend on them
};
/// Collective. @throws ConfigurationError if there are none, or for other columns
GivenEstimates read_estimates(const FlowContext& context);

/// σ² or θ: the configuration's, or dataset `name` of the result. Collective.
/// @throws ConfigurationError if it is nowhere
double read_given_number(const FlowContext& context, const std::optional<double>& given,
                         const std::string& name);

/// The covariance of (parameters, coefficients), (n, n), of the result. Collective.
/// @throws ConfigurationError without a result, DataError if it is of another model
std::vector<double> read_estimate_covariance(const FlowContext& context);

}  // namespace kronwerk::application
