#pragma once

#include <span>
#include <string>
#include <vector>

#include "application/flow/flow_job.hpp"
#include "kronwerk/models/flow_determinants/filter_constraints.hpp"
#include "kronwerk/models/posterior/posterior_density.hpp"

namespace kronwerk::application {

/// The filter's parameters with their bounds and priors. @throws ConfigurationError
std::vector<models::PosteriorParameter> filter_parameters(const FlowContext& context);

/// Says what has a flat prior: parameters without any, and `others`. Local.
void note_flat(const FlowContext& context,
               const std::vector<models::PosteriorParameter>& parameters,
               const std::string& others);

/// /observed_data/flows, of a dataset's shape. Collective.
/// @param years  this rank's rows of each
void write_observed_flows(FlowContext& context, const core::Extents& shape,
                          std::span<const std::vector<double>> years);

}  // namespace kronwerk::application
