#include "kronwerk/kernels/reductions/ring.hpp"

#include <fmt/format.h>

#include <array>
#include <exception>
#include <utility>

#include "kronwerk/communication/requests.hpp"

namespace kronwerk::kernels {
namespace {

using communication::Communicator;
using communication::Requests;

void check_local(const Communicator& comm, const DistributedSide& side,
                 const std::set<std::string>& names) {
  const auto& partition = side.partition;
  const Index count = partition.parts() == comm.size() ? partition.count(comm.rank()) : -1;
  if (side.local.count != count || side.local.first != side.offset + partition.begin(comm.rank())) {
    throw core::ShapeError(
        fmt::format("rank {} of {} holds {} points from number {} on of a side of {} points in {} "
                    "blocks",
                    comm.rank(), comm.size(), side.local.count, side.local.first, partition.size(),
                    partition.parts()));
  }
  for (const std::string& name : names) {
    const auto found = side.local.variables.find(name);
    if (found == side.local.variables.end()) {
      throw core::ShapeError(fmt::format("a side of a kernel matrix has no variable '{}'", name));
    }
    const Cloud& cloud = found->second;
    if (cloud.count == count && std::ssize(cloud.values) == count * cloud.dimension) continue;
    throw core::ShapeError(
        fmt::format("the variable '{}' has {} values for {} points of dimension {}", name,
                    cloud.values.size(), count, cloud.dimension));
  }
}

/// A block with room for the largest part of the side.
Side make_room(const DistributedSide& side, const std::set<std::string>& names) {
  Side room;
  for (const std::string& name : names) {
    Cloud& cloud = room.variables[name];
    cloud.dimension = side.local.variables.at(name).dimension;
    cloud.values.reserve(
        static_cast<std::size_t>(side.partition.largest() * Index{cloud.dimension}));
  }
  return room;
}

void receive_block(const Communicator& comm, const DistributedSide& side, int owner, int from,
                   Side& block, Requests& requests) {
  block.first = side.offset + side.partition.begin(owner);
  block.count = side.partition.count(owner);
  for (auto& [name, cloud] : block.variables) {
    const Index values = block.count * cloud.dimension;
    cloud.count = block.count;
    cloud.values.resize(static_cast<std::size_t>(values));
    requests.receive(cloud.values.data(), values, from, comm.get());
  }
}

void send_block(const Communicator& comm, const Side& block, const std::set<std::string>& names,
                int to, Requests& requests) {
  for (const std::string& name : names) {
    const Cloud& cloud = block.variables.at(name);
    requests.send(cloud.values.data(), block.count * cloud.dimension, to, comm.get());
  }
}

/// The names and dimensions of the variables `names`.
std::string describe_variables(const Side& side, const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    const auto found = side.variables.find(name);
    if (found == side.variables.end()) continue;
    text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", name, found->second.dimension);
  }
  return text;
}

}  // namespace

DistributedSide distribute(const Communicator& comm, const Side& whole) {
  DistributedSide result{distribution::BlockPartition(whole.count, comm.size()), {}};
  std::vector<Index> mine;
  for (Index p = result.partition.begin(comm.rank()); p < result.partition.end(comm.rank()); ++p) {
    mine.push_back(p);
  }
  result.local = gather_points(whole, mine, result.partition.begin(comm.rank()));
  return result;
}

Cloud gather_points(const Cloud& cloud, std::span<const Index> chosen) {
  Cloud part{cloud.dimension, std::ssize(chosen), {}};
  part.values.reserve(static_cast<std::size_t>(part.count * Index{part.dimension}));
  for (int c = 0; c < cloud.dimension; ++c) {
    const double* from = cloud.values.data() + c * cloud.count;
    for (const Index p : chosen) part.values.push_back(from[p]);
  }
  return part;
}

Side gather_points(const Side& side, std::span<const Index> chosen, Index first) {
  Side result;
  result.first = first;
  result.count = std::ssize(chosen);
  for (const auto& [name, cloud] : side.variables) {
    result.variables[name] = gather_points(cloud, chosen);
  }
  return result;
}

void check_side(const Communicator& comm, const DistributedSide& side,
                const std::set<std::string>& names) {
  const std::string mine = describe_variables(side.local, names);
  const std::string first = comm.broadcast(mine);
  communication::collectively(comm, [&] {
    check_local(comm, side, names);
    if (mine == first) return;
    throw core::ShapeError(
        fmt::format("rank 0 has the variables {}, rank {} has {}", first, comm.rank(), mine));
  });
}

void visit_ring(const Communicator& comm, const DistributedSide& columns,
                const std::set<std::string>& names, const VisitBlock& visit) {
  check_side(comm, columns, names);
  std::array<Side, 2> rooms;
  communication::collectively(comm, [&] {
    if (comm.size() > 1) rooms[0] = make_room(columns, names);
    if (comm.size() > 2) rooms[1] = make_room(columns, names);
  });

  const int ranks = comm.size();
  const int next = (comm.rank() + 1) % ranks;
  const int previous = (comm.rank() + ranks - 1) % ranks;
  std::exception_ptr failure;
  const Side* present = &columns.local;
  for (int step = 0; step < ranks; ++step) {
    Requests requests;
    Side& room = rooms[static_cast<std::size_t>(step % 2)];
    if (step + 1 < ranks) {
      receive_block(comm, columns, (comm.rank() + step + 1) % ranks, next, room, requests);
      send_block(comm, *present, names, previous, requests);
    }
    try {
      if (!failure) visit(*present, [&] { requests.progress(); });
    } catch (...) {
      failure = std::current_exception();
    }
    requests.wait();
    present = &room;
  }
  communication::collectively(comm, [&] {
    if (failure) std::rethrow_exception(failure);
  });
}

}  // namespace kronwerk::kernels
