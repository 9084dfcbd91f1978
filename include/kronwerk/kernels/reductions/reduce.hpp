#pragma once

#include <vector>

#include "kronwerk/kernels/reductions/reduction.hpp"
#include "kronwerk/kernels/reductions/ring.hpp"

namespace kronwerk::kernels {

/// What is to be reduced, and how. The axis that is not reduced is called the kept one.
struct ReductionSetup {
  Expression formula;
  std::vector<ReductionRequest> requests;
  Axes over = axis_j;  ///< axis_j: one result per row i; axis_i: one per column j
  Constants constants{};
  Precision precision = Precision::float64;
};

/// Which axis is spread over the ranks.
enum class Spread {
  kept_axis,     ///< every rank its own results; the reduced side's blocks travel round a ring
  reduced_axis,  ///< every rank its own terms of all results, which are then combined; for few
                 ///< results of many terms each
};

/// The faster one by an estimate of the pairs of the busiest rank and of the messages.
/// @param width  numbers per result
Spread choose_spread(Index kept, Index reduced, Index width, int ranks);

struct ReduceOutcome {
  /// One per request: this rank's block of the kept axis.
  std::vector<ReductionResult> results;
  /// Pairs whose value was NaN, over all ranks; the reductions other than sums leave them out.
  Index nan_count = 0;
  Spread spread = Spread::kept_axis;
  bool by_products = false;  ///< nearest points, found by matrix products (nearest.hpp)
};

/// Reductions of F(i, j) over one index, for every point of the other side.
///
/// Collective. Nearest points are found by matrix products where that is faster. Never more than
/// blocks of the two sides in memory (or, with Spread::reduced_axis,
/// the whole of a small kept side). Every number of ranks gives the same results to rounding, and
/// the same ones for min, max, and all lists and indices.
/// @throws ConfigurationError on every rank if a list is to be longer than the reduced axis
ReduceOutcome reduce(const communication::Communicator& comm, const ReductionSetup& setup,
                     const DistributedSide& rows, const DistributedSide& columns);
/// The same, always by direct evaluation.
ReduceOutcome reduce(const communication::Communicator& comm, const ReductionSetup& setup,
                     const DistributedSide& rows, const DistributedSide& columns, Spread spread);

/// The setup with i and j exchanged, so that a reduction over i is one over j of the other sides.
ReductionSetup transposed(const ReductionSetup& setup);

/// The names of the variables of `axis` that the formula and the weights use.
std::set<std::string> variables_of(const ReductionSetup& setup, Axes axis);

}  // namespace kronwerk::kernels
