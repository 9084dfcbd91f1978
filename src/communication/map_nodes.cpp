#include "kronwerk/communication/map_nodes.hpp"

#include <map>

namespace kronwerk::communication {

distribution::NodeMap map_nodes(const Communicator& comm) {
  std::vector<int> node_of(static_cast<std::size_t>(comm.size()), 0);
  if (comm.node_count() == 1) return distribution::NodeMap(std::move(node_of));
  const core::Index lowest = comm.node().min(core::Index{comm.rank()});
  std::vector<core::Index> roots(node_of.size());
  check_mpi(MPI_Allgather(&lowest, 1, MPI_INT64_T, roots.data(), 1, MPI_INT64_T, comm.get()));
  std::map<core::Index, int> numbers;
  for (std::size_t rank = 0; rank < roots.size(); ++rank) {
    const auto [place, added] = numbers.try_emplace(roots[rank], static_cast<int>(numbers.size()));
    node_of[rank] = place->second;
  }
  return distribution::NodeMap(std::move(node_of));
}

}  // namespace kronwerk::communication
