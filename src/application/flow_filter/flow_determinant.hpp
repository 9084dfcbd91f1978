#pragma once

#include <memory>

#include "application/inputs/problem_data.hpp"
#include "kronwerk/models/flow_determinants/determinant.hpp"
#include "kronwerk/models/flow_determinants/region.hpp"

namespace kronwerk::application {

/// How the log determinant of a filter is found, and where the filter is certainly regular.
struct FlowDeterminant {
  std::unique_ptr<models::FilterDeterminant> determinant;
  models::FeasibleRegion region;
};

/// With the identity and one other matrix for each mode, the spectra of these by what costs less:
/// eigenvalues, or Chebyshev moments by sparse factorisations, which eigenvalues replace where the
/// moments are not accurate; with functions of one matrix for each mode its eigenvalues.
/// Collective.
/// @param data     must outlive the result, like the filter
/// @param problem  whose formula is the filter
/// @throws ConfigurationError if a mode's matrices are not functions of one, naming it
FlowDeterminant make_flow_determinant(const communication::Communicator& comm,
                                      methods::OperatorData& data, const Problem& problem,
                                      const models::FlowFilter& filter);

/// The region alone, by the outlines of the spectra; without rows where the matrices of a mode are
/// more than the identity and another one. Collective.
models::FeasibleRegion find_flow_region(const communication::Communicator& comm,
                                        methods::OperatorData& data,
                                        const models::FlowFilter& filter);

}  // namespace kronwerk::application
