#include "factors/base/node_leaders.hpp"

#include <algorithm>
#include <map>
#include <numeric>

namespace kronwerk::factors {
namespace {

/// Counts of one message fit into an int.
constexpr std::size_t most_words = std::size_t{1} << 26;
constexpr std::size_t most_bytes = std::size_t{1} << 29;

}  // namespace

NodeLeaders::NodeLeaders(const communication::Communicator& comm)
    : nodes_(comm.node_count()),
      by_turns_(static_cast<std::size_t>(comm.size())),
      node_of_(static_cast<std::size_t>(comm.size()), 0) {
  std::iota(by_turns_.begin(), by_turns_.end(), 0);
  if (!several_nodes()) return;
  MPI_Comm leaders = MPI_COMM_NULL;
  communication::check_mpi(
      MPI_Comm_split(comm.get(), comm.node().is_root() ? 0 : MPI_UNDEFINED, comm.rank(), &leaders));
  if (leaders != MPI_COMM_NULL) comm_ = communication::Communicator::adopt(leaders);

  const auto lowest = comm.node().min(core::Index{comm.rank()});
  const std::vector<double> roots = comm.gather_all(static_cast<double>(lowest));
  std::map<double, int> places;
  for (const double root : roots) places[root] = 0;
  int place = 0;
  for (auto& [root, of_root] : places) of_root = place++;
  std::vector<int> turn(roots.size());
  std::vector<int> seen(places.size(), 0);
  for (std::size_t rank = 0; rank < roots.size(); ++rank) {
    node_of_[rank] = places[roots[rank]];
    turn[rank] = seen[static_cast<std::size_t>(node_of_[rank])]++;
  }
  std::ranges::stable_sort(by_turns_, {},
                           [&](int rank) { return turn[static_cast<std::size_t>(rank)]; });
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
  const int root = node_of_[static_cast<std::size_t>(owner)];
  for (std::size_t first = 0; first < bytes.size(); first += most_bytes) {
    const auto count = static_cast<int>(std::min(most_bytes, bytes.size() - first));
    communication::check_mpi(MPI_Bcast(bytes.data() + first, count, MPI_BYTE, root, comm_->get()));
  }
}

}  // namespace kronwerk::factors
