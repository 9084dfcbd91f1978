#include "factors/base/node_leaders.hpp"

#include <algorithm>
#include <cstdint>

#include "kronwerk/distribution/node_map.hpp"

namespace kronwerk::factors {
namespace {

/// Counts of one message fit into an int.
constexpr std::size_t most_words = std::size_t{1} << 26;
constexpr std::size_t most_bytes = std::size_t{1} << 29;

}  // namespace

NodeLeaders::NodeLeaders(const communication::Communicator& comm) : comm_(&comm) {
  if (several_nodes()) leaders_ = comm.leaders();
}

void NodeLeaders::combine(std::span<double> values) const {
  static_assert(sizeof(double) == sizeof(std::uint64_t));
  if (leaders_ == nullptr) return;
  for (std::size_t first = 0; first < values.size(); first += most_words) {
    const auto count = static_cast<int>(std::min(most_words, values.size() - first));
    communication::check_mpi(MPI_Allreduce(MPI_IN_PLACE, values.data() + first, count, MPI_UINT64_T,
                                           MPI_BOR, leaders_->get()));
  }
}

void NodeLeaders::broadcast(std::span<std::byte> bytes, int owner) const {
  if (leaders_ == nullptr) return;
  const int root = comm_->nodes().node_of(owner);
  for (std::size_t first = 0; first < bytes.size(); first += most_bytes) {
    const auto count = static_cast<int>(std::min(most_bytes, bytes.size() - first));
    communication::check_mpi(
        MPI_Bcast(bytes.data() + first, count, MPI_BYTE, root, leaders_->get()));
  }
}

}  // namespace kronwerk::factors
