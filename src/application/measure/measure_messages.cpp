#include <algorithm>
#include <optional>

#include "application/measure/measure.hpp"

namespace kronwerk::application {
namespace {

using communication::check_mpi;
using communication::Communicator;

/// The rank that this one sends to and receives from, in pairs; none for one that is left over.
using Partner = std::optional<int>;

/// Node by node, all ranks of it.
std::vector<std::vector<int>> ranks_of_nodes(const Communicator& comm) {
  const double leader = comm.node().min(static_cast<double>(comm.rank()));
  const std::vector<double> leaders = comm.gather_all(leader);
  std::vector<std::vector<int>> nodes;
  for (std::size_t rank = 0; rank < leaders.size(); ++rank) {
    const auto same = std::ranges::find_if(nodes, [&](const std::vector<int>& node) {
      return node.front() == static_cast<int>(leaders[rank]);
    });
    if (same == nodes.end()) {
      nodes.push_back({static_cast<int>(rank)});
    } else {
      same->push_back(static_cast<int>(rank));
    }
  }
  return nodes;
}

Partner partner_within(const std::vector<std::vector<int>>& nodes, int rank) {
  for (const auto& node : nodes) {
    const auto found = std::ranges::find(node, rank);
    if (found == node.end()) continue;
    const auto other = static_cast<std::size_t>(found - node.begin()) ^ 1U;
    return other < node.size() ? Partner(node[other]) : std::nullopt;
  }
  return std::nullopt;
}

Partner partner_between(const std::vector<std::vector<int>>& nodes, int rank) {
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    const auto found = std::ranges::find(nodes[n], rank);
    if (found == nodes[n].end()) continue;
    const std::size_t other = n ^ 1U;
    const auto place = static_cast<std::size_t>(found - nodes[n].begin());
    if (other >= nodes.size() || place >= nodes[other].size()) return std::nullopt;
    return nodes[other][place];
  }
  return std::nullopt;
}

/// Both at once, `count` messages of `bytes` each way.
void exchange(const Communicator& comm, int partner, int count, int bytes, std::vector<char>& out,
              std::vector<char>& in) {
  std::vector<MPI_Request> requests(2 * static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    check_mpi(MPI_Irecv(in.data(), bytes, MPI_CHAR, partner, 0, comm.get(), &requests[2 * i]));
    check_mpi(MPI_Isend(out.data(), bytes, MPI_CHAR, partner, 0, comm.get(), &requests[2 * i + 1]));
  }
  check_mpi(
      MPI_Waitall(core::narrow<int>(std::ssize(requests)), requests.data(), MPI_STATUSES_IGNORE));
}

void there_and_back(const Communicator& comm, int partner, int times) {
  for (int i = 0; i < times; ++i) {
    if (comm.rank() < partner) {
      check_mpi(MPI_Send(nullptr, 0, MPI_CHAR, partner, 0, comm.get()));
      check_mpi(MPI_Recv(nullptr, 0, MPI_CHAR, partner, 0, comm.get(), MPI_STATUS_IGNORE));
    } else {
      check_mpi(MPI_Recv(nullptr, 0, MPI_CHAR, partner, 0, comm.get(), MPI_STATUS_IGNORE));
      check_mpi(MPI_Send(nullptr, 0, MPI_CHAR, partner, 0, comm.get()));
    }
  }
}

configuration::Link measure_link(const Communicator& comm, const Partner& partner) {
  constexpr int times = 100;
  constexpr int large = 4 << 20;
  constexpr int small = 64;
  constexpr int many = 200;
  std::vector<char> out, in;
  communication::collectively(comm, [&] {
    out.resize(large);
    in.resize(large);
  });
  const auto seconds = [&](const std::function<void(int)>& work) {
    return Bench::time_together(comm, [&] {
      if (partner) work(*partner);
    });
  };
  configuration::Link link;
  link.latency_microseconds =
      1e6 / (2 * times) * seconds([&](int other) { there_and_back(comm, other, times); });
  link.gigabytes_per_second =
      1e-9 * large / seconds([&](int other) { exchange(comm, other, 1, large, out, in); });
  link.kilomessages_per_second =
      1e-3 * many / seconds([&](int other) { exchange(comm, other, many, small, out, in); });
  return link;
}

void measure_reductions(const Communicator& comm, configuration::Machine& machine) {
  constexpr int times = 50;
  for (int ranks = std::min(2, comm.size());; ranks = std::min(2 * ranks, comm.size())) {
    MPI_Comm part = MPI_COMM_NULL;
    check_mpi(MPI_Comm_split(comm.get(), comm.rank() < ranks ? 0 : 1, comm.rank(), &part));
    const Communicator among = Communicator::adopt(part);
    double seconds = 0;
    if (comm.rank() < ranks) {
      seconds = Bench::time_together(among, [&] {
        for (int i = 0; i < times; ++i) {
          double value = 1;
          check_mpi(MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_DOUBLE, MPI_SUM, among.get()));
        }
      });
    }
    machine.reduction_ranks.push_back(ranks);
    machine.reduction_microseconds.push_back(1e6 / times * comm.max(seconds));
    if (ranks == comm.size()) break;
  }
}

}  // namespace

void measure_messages(const Bench& bench, configuration::Machine& machine) {
  const Communicator& comm = bench.comm();
  measure_reductions(comm, machine);
  const auto nodes = ranks_of_nodes(comm);
  const bool neighbours = std::ranges::any_of(nodes, [](const auto& n) { return n.size() > 1; });
  if (neighbours) machine.within_node = measure_link(comm, partner_within(nodes, comm.rank()));
  if (nodes.size() > 1) {
    machine.between_nodes = measure_link(comm, partner_between(nodes, comm.rank()));
  }
}

}  // namespace kronwerk::application
