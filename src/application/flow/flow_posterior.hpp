#pragma once

#include <span>
#include <string>
#include <vector>

#include "application/flow/flow_job.hpp"
#include "application/posterior/chain_groups.hpp"
#include "kronwerk/models/flow_determinants/filter_constraints.hpp"
#include "kronwerk/models/posterior/posterior_density.hpp"

namespace kronwerk::application {

/// A flow model of some of the ranks alone.
struct FlowApart {
  /// Collective on the group. @param group  must outlive this
  explicit FlowApart(JobContext& group) : model(group.comm, group.job), context{group, model} {}
  FlowApart(const FlowApart&) = delete;
  FlowApart& operator=(const FlowApart&) = delete;

  FlowModel model;
  FlowContext context;
};
/// What such a model needs. Collective on the context's ranks, which must outlive it.
CopyNeeds needs_of_copies(const FlowContext& context);

/// The filter's parameters with their bounds and priors. @throws ConfigurationError
std::vector<models::PosteriorParameter> filter_parameters(const FlowContext& context);

/// Says what has a flat prior: parameters without any, and `others`. Local.
void note_flat(const FlowContext& context,
               const std::vector<models::PosteriorParameter>& parameters,
               const std::string& others);

/// "origin", "destination" of a dataset of flows, with "year" for several. Local.
std::vector<std::string> flow_axes(const core::Extents& shape);

/// /observed_data/flows, of a dataset's shape. Collective.
/// @param years  this rank's rows of each
void write_observed_flows(FlowContext& context, const core::Extents& shape,
                          std::span<const std::vector<double>> years);

}  // namespace kronwerk::application
