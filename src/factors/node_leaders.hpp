#pragma once

#include <algorithm>
#include <optional>
#include <span>

#include "kronwerk/communication/communicator.hpp"

namespace kronwerk::factors {

/// One rank of each node, for bringing node-shared arrays to the same contents everywhere.
class NodeLeaders {
 public:
  /// Collective on comm.
  explicit NodeLeaders(const communication::Communicator& comm) : several_(comm.node_count() > 1) {
    if (!several_) return;
    MPI_Comm leaders = MPI_COMM_NULL;
    communication::check_mpi(MPI_Comm_split(comm.get(), comm.node().is_root() ? 0 : MPI_UNDEFINED,
                                            comm.rank(), &leaders));
    if (leaders != MPI_COMM_NULL) comm_ = communication::Communicator::adopt(leaders);
  }

  bool several_nodes() const noexcept { return several_; }

  /// Sums the nodes' arrays, of which each entry is zero on all nodes but one. Collective on the
  /// leaders; other ranks return at once. The node's ranks see the result after publish().
  void sum(std::span<double> values) const {
    if (!comm_) return;
    constexpr std::size_t most = std::size_t{1} << 26;
    for (std::size_t first = 0; first < values.size(); first += most) {
      comm_->sum(values.subspan(first, std::min(most, values.size() - first)));
    }
  }

 private:
  bool several_;
  std::optional<communication::Communicator> comm_;
};

}  // namespace kronwerk::factors
