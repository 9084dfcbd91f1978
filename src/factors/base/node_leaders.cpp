#include "factors/base/node_leaders.hpp"

#include <algorithm>
#include <numeric>

namespace kronwerk::factors {
namespace {

/// Counts of one message fit into an int.
constexpr std::size_t most_words = std::size_t{1} << 26;
constexpr std::size_t most_bytes = std::size_t{1} << 29;

}  // namespace

NodeLeaders::NodeLeaders(const communication::Communicator& comm)
    : nodes_(communication::map_nodes(comm)), by_turns_(static_cast<std::size_t>(comm.size())) {
  std::iota(by_turns_.begin(), by_turns_.end(), 0);
  if (!several_nodes()) return;
  std::ranges::stable_sort(by_turns_, {}, [&](int rank) { return nodes_.place_of(rank); });
  MPI_Comm leaders = MPI_COMM_NULL;
  communication::check_mpi(
      MPI_Comm_split(comm.get(), comm.node().is_root() ? 0 : MPI_UNDEFINED, comm.rank(), &leaders));
  if (leaders != MPI_COMM_NULL) comm_ = communication::Communicator::adopt(leaders);
}

void NodeLeaders::combine(std::span<double> values) const {
  static_assert(sizeof(double) == sizeof(std::uint64_t));
  if (!comm_) return;
  for (std::size_t first = 0; first < values.size(); first += most_words) {
    const auto count = static_cast<int>(std::min(most_words, values.size() - first));
    communication::check_mpi(MPI_Allreduce(MPI_IN_PLACE, values.data() + first, count, MPI_UINT64_T,
                                           MPI_BOR, comm_->get()));
  }
}

void NodeLeaders::broadcast(std::span<std::byte> bytes, int owner) const {
  if (!comm_) return;
  const int root = nodes_.node_of(owner);
  for (std::size_t first = 0; first < bytes.size(); first += most_bytes) {
    const auto count = static_cast<int>(std::min(most_bytes, bytes.size() - first));
    communication::check_mpi(MPI_Bcast(bytes.data() + first, count, MPI_BYTE, root, comm_->get()));
  }
}

}  // namespace kronwerk::factors
