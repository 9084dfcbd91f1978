#pragma once

#include "kronwerk/kernels/reductions/reduce.hpp"

namespace kronwerk::kernels {

/// True if the setup asks for nothing but smallest values of sqdist(x, y), in float64, with x of
/// the kept axis and y of the other: what the expansion |x|² + |y|² - 2 x·y can answer.
bool is_nearest_search(const ReductionSetup& setup);

/// True if matrix products are faster than direct evaluation, by dimension and size.
bool prefers_products(const ReductionSetup& setup, Index kept, Index reduced);

/// The same answers as direct evaluation, indices and values to the last bit: products of blocks in
/// float32 give every distance with a rounding error that is bounded (D ε (|x| + |y|)² with
/// ε = 2⁻²⁴, after moving the origin to the mean of the points); pairs that could be among the
/// nearest within that bound are then evaluated directly, in float64.
///
/// Collective. Points that are not finite, or too large or too small to be squared, are left to
/// direct evaluation.
/// @param setup  is_nearest_search(setup)
ReduceOutcome reduce_nearest(const communication::Communicator& comm, const ReductionSetup& setup,
                             const DistributedSide& rows, const DistributedSide& columns);

}  // namespace kronwerk::kernels
