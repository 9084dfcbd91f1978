#pragma once

#include <functional>
#include <set>
#include <span>
#include <string>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/distribution/partition.hpp"
#include "kronwerk/kernels/formula/cloud.hpp"

namespace kronwerk::kernels {

/// One side of a kernel matrix, its points in blocks over the ranks. This rank has those of
/// partition.begin(rank) … partition.end(rank) in `local`, whose `first` and `count` say so; ranks
/// beyond the number of points have none, but know the variables and their dimensions.
struct DistributedSide {
  distribution::BlockPartition partition;
  Side local;
  /// Number of the first point in the side that this is a part of; `local` counts as that does.
  Index offset = 0;
};

/// This rank's part of a side that every rank has whole (tests, small clouds). Local.
DistributedSide distribute(const communication::Communicator& comm, const Side& whole);

/// The points `chosen` (positions in the cloud, in any order, from 0).
Cloud gather_points(const Cloud& cloud, std::span<const Index> chosen);
/// The points `chosen` (positions in the side, in any order, from 0), numbered from `first` on.
Side gather_points(const Side& side, std::span<const Index> chosen, Index first);

/// Refuses sides that are not blocks of one side with the variables `names`. Collective.
/// @throws ShapeError on every rank
void check_side(const communication::Communicator& comm, const DistributedSide& side,
                const std::set<std::string>& names);

/// Called with one rank's block of the columns after the other. It may call `progress` now and then
/// while it works, which lets the next block travel; it must not communicate itself.
using VisitBlock = std::function<void(const Side& block, const std::function<void()>& progress)>;

/// Shows every rank every block of the columns once, its own first: the blocks go round a ring of
/// ranks, the next one in flight while `visit` works on the present one. Work memory is two blocks
/// of the variables `names`; these and no others are there in the blocks of other ranks.
///
/// Collective; P - 1 messages per variable and rank.
/// @throws on every rank what `visit` threw on the lowest rank where it did: its later blocks are
///         passed on without a visit, so that no rank waits for it
/// @throws ShapeError on every rank if the ranks' sides do not conform
void visit_ring(const communication::Communicator& comm, const DistributedSide& columns,
                const std::set<std::string>& names, const VisitBlock& visit);

}  // namespace kronwerk::kernels
