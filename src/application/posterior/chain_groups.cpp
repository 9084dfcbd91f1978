#include "application/posterior/chain_groups.hpp"

#include <algorithm>
#include <set>

#include "kronwerk/distribution/node_map.hpp"
#include "kronwerk/distribution/partition.hpp"

namespace kronwerk::application {

namespace {

using core::Index;

distribution::BlockPartition ranks_of(const communication::Communicator& comm, int groups) {
  return {comm.size(), groups};
}

/// Whether every node has room for the copies of the groups with ranks there. Collective.
bool fits(const communication::Communicator& comm, int groups, const CopyNeeds& needs) {
  const auto ranks = ranks_of(comm, groups);
  std::set<core::Index> here;
  for (const int rank : comm.nodes().members(comm.nodes().node_of(comm.rank()))) {
    here.insert(ranks.owner(rank));
  }
  const int nodes = std::max(1, comm.node_count() / groups);
  methods::MemoryNeeds all = needs(comm.size() / groups, nodes);
  all.base_bytes_per_rank = 0;  // they are there
  all.factor_bytes_per_node *= static_cast<double>(here.size());
  all.ranks_here = comm.node().size();
  return !comm.any(!methods::explain_shortage(all, methods::read_memory_limits()).empty());
}

}  // namespace

ChainGroups::ChainGroups(const communication::Communicator& comm, Index chains,
                         const CopyNeeds& needs)
    : comm_(&comm) {
  if (!needs) return;
  count_ = static_cast<int>(std::min<Index>(comm.size(), chains));
  while (count_ > 1 && !fits(comm, count_, needs)) --count_;
  if (count_ == 1) return;
  number_ = ranks_of(comm, count_).owner(comm.rank());
  MPI_Comm own = MPI_COMM_NULL;
  communication::check_mpi(MPI_Comm_split(comm.get(), number_, comm.rank(), &own));
  own_ = communication::Communicator::adopt(own);
}

int ChainGroups::root_of(Index chain) const {
  return static_cast<int>(ranks_of(*comm_, count_).begin(static_cast<int>(chain % count_)));
}

}  // namespace kronwerk::application
