#pragma once

#include <algorithm>
#include <cstdint>
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

  /// Brings together the nodes' arrays, of which each entry is zero on all nodes but one, bit for
  /// bit (a sum would lose the sign of zeros). Collective on the leaders; other ranks return at
  /// once. The node's ranks see the result after publish().
  void combine(std::span<double> values) const {
    static_assert(sizeof(double) == sizeof(std::uint64_t));
    if (!comm_) return;
    constexpr std::size_t most = std::size_t{1} << 26;
    for (std::size_t first = 0; first < values.size(); first += most) {
      const auto count = static_cast<int>(std::min(most, values.size() - first));
      communication::check_mpi(MPI_Allreduce(MPI_IN_PLACE, values.data() + first, count,
                                             MPI_UINT64_T, MPI_BOR, comm_->get()));
    }
  }

 private:
  bool several_;
  std::optional<communication::Communicator> comm_;
};

}  // namespace kronwerk::factors
