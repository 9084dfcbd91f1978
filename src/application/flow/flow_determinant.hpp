#pragma once

#include <memory>

#include "application/methods/operator_data.hpp"
#include "kronwerk/models/flow/determinant.hpp"
#include "kronwerk/models/flow/region.hpp"

namespace kronwerk::application {

/// How the log determinant of a filter is found, and where the filter is certainly regular.
struct FlowDeterminant {
  std::unique_ptr<models::FilterDeterminant> determinant;
  models::FeasibleRegion region;
};

/// Collective.
/// @param problem  whose formula is the filter
/// @throws ConfigurationError if a mode's matrices are not functions of one, naming it
FlowDeterminant make_flow_determinant(const communication::Communicator& comm, OperatorData& data,
                                      const Problem& problem, const models::FlowFilter& filter);

}  // namespace kronwerk::application
