#include "kronwerk/communication/redistribution.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

#include "stream_copy.hpp"

namespace kronwerk::communication {
namespace {

using core::Index;

/// What one set of message buffers holds, for all destinations together.
constexpr Index message_bytes = Index{4} << 20;
/// One MPI call moves at most this many doubles, well below 2^31.
constexpr Index largest_message = Index{1} << 28;

class Requests {
 public:
  void send(const double* data, Index count, int rank, MPI_Comm comm) {
    for (Index begin = 0; begin < count; begin += largest_message) {
      const auto piece = static_cast<int>(std::min(largest_message, count - begin));
      check_mpi(
          MPI_Isend(data + begin, piece, MPI_DOUBLE, rank, 0, comm, &requests_.emplace_back()));
    }
  }
  void receive(double* data, Index count, int rank, MPI_Comm comm) {
    for (Index begin = 0; begin < count; begin += largest_message) {
      const auto piece = static_cast<int>(std::min(largest_message, count - begin));
      check_mpi(
          MPI_Irecv(data + begin, piece, MPI_DOUBLE, rank, 0, comm, &requests_.emplace_back()));
    }
  }
  void wait() {
    if (requests_.empty()) return;
    check_mpi(
        MPI_Waitall(static_cast<int>(requests_.size()), requests_.data(), MPI_STATUSES_IGNORE));
    requests_.clear();
  }

 private:
  std::vector<MPI_Request> requests_;
};

/// Everything written to a shared block before is seen by the node's other ranks afterwards.
void node_barrier(const Communicator& comm) {
  if (comm.node().size() == 1) return;
  stream_fence();
  std::atomic_thread_fence(std::memory_order_seq_cst);
  comm.node().barrier();
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

void copy(double* to, const double* from, Index count) {
  if (count > 0) std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(double));
}

/// How rows are put where they belong: past the cache if a rank's block does not fit it anyway.
using Copy = void (*)(double*, const double*, Index);

Copy copy_for(const distribution::Layout& layout) {
  constexpr Index cached = Index{1} << 19;  // doubles
  return layout.home().largest() * layout.trailing() > cached ? stream_copy : copy;
}

}  // namespace

/// The rows of one message round on a rank.
struct Redistribution::Rounds {
  Index rows;  // per round

  Index first(Index round) const { return round * rows; }
  Index count(Index round, Index local_rows) const {
    return std::clamp<Index>(local_rows - first(round), 0, rows);
  }
};

Redistribution::Redistribution(SharedBlocks& blocks, const distribution::Layout& layout)
    : blocks_(blocks), layout_(layout), rank_(blocks.comm().rank()) {
  blocks_.reserve(layout_.away_size(rank_));
  const int parts = layout_.parts();
  for (int shift = 0; shift < parts; ++shift) {
    const int other = (rank_ + shift) % parts;
    (blocks_.on_node(other) != nullptr || other == rank_ ? near_ : far_).push_back(other);
  }
}

Index Redistribution::round_rows() const noexcept {
  const Index row_bytes = std::max<Index>(1, layout_.trailing()) * Index{sizeof(double)};
  return std::max<Index>(1, message_bytes / row_bytes);
}

Index Redistribution::round_count() const noexcept {
  return (layout_.home().largest() + round_rows() - 1) / round_rows();
}

void Redistribution::to_away(Index chunk_rows, const Producer& produce) {
  const auto& comm = blocks_.comm();
  const auto& home = layout_.home();
  const auto& away = layout_.away();
  const Index row_begin = home.begin(rank_);
  const Index columns = away.count(rank_);
  const Index trailing = layout_.trailing();
  // Without far ranks there is one round; with them, single rows are sent where they lie.
  const bool messages = layout_.parts() > static_cast<int>(near_.size());
  const Rounds rounds{messages ? round_rows() : std::max<Index>(1, home.largest())};
  const Index round_total = messages ? round_count() : 1;
  const bool pack = rounds.rows > 1;
  const Copy place_rows = copy_for(layout_);

  std::array<std::vector<double>, 2> packed;
  std::array<Requests, 2> sends;
  std::array<Requests, 2> receives;
  for (Index round = 0; round < round_total; ++round) {
    const auto set = static_cast<std::size_t>(round % 2);
    receives[set].wait();
    for (const int source : far_) {
      double* place = blocks_.local() + (home.begin(source) + rounds.first(round)) * columns;
      receives[set].receive(place, rounds.count(round, home.count(source)) * columns, source,
                            comm.get());
    }
    sends[set].wait();
    const Index round_count = rounds.count(round, home.count(rank_));
    if (messages && pack) packed[set].resize(static_cast<std::size_t>(rounds.rows * trailing));
    for (Index begin = 0; begin < round_count; begin += chunk_rows) {
      const Index first = rounds.first(round) + begin;
      const Index count = std::min(chunk_rows, round_count - begin);
      const double* rows = produce(first, count);
      for (const int destination : near_) {
        const Index width = away.count(destination);
        double* block = blocks_.on_node(destination) + (row_begin + first) * width;
        const double* source = rows + away.begin(destination);
        for (Index row = 0; row < count; ++row) {
          place_rows(block + row * width, source + row * trailing, width);
        }
      }
      for (const int destination : far_) {
        const Index width = away.count(destination);
        const double* source = rows + away.begin(destination);
        if (!pack) {
          sends[set].send(source, width, destination, comm.get());
          continue;
        }
        double* place = packed[set].data() + away.begin(destination) * round_count + begin * width;
        for (Index row = 0; row < count; ++row) {
          copy(place + row * width, source + row * trailing, width);
        }
      }
      if (!pack) sends[set].wait();
    }
    if (pack) {
      for (const int destination : far_) {
        sends[set].send(packed[set].data() + away.begin(destination) * round_count,
                        round_count * away.count(destination), destination, comm.get());
      }
    }
  }
  for (auto& requests : receives) requests.wait();
  for (auto& requests : sends) requests.wait();
  node_barrier(comm);
}

void Redistribution::to_home(Index chunk_rows, const Target& target, const Consumer& done,
                             bool keep_in_cache) {
  const auto& comm = blocks_.comm();
  const auto& home = layout_.home();
  const auto& away = layout_.away();
  const Index row_begin = home.begin(rank_);
  const Index columns = away.count(rank_);
  const Index trailing = layout_.trailing();
  const bool messages = layout_.parts() > static_cast<int>(near_.size());
  const Rounds rounds{messages ? round_rows() : std::max<Index>(1, home.largest())};
  const Index round_total = messages ? round_count() : 1;

  // Rows that are worked on at once stay in the cache.
  const Copy place_rows = keep_in_cache ? copy : copy_for(layout_);
  node_barrier(comm);
  std::array<std::vector<double>, 2> packed;
  std::array<Requests, 2> sends;
  std::array<Requests, 2> receives;
  const auto post = [&](Index round) {
    const auto set = static_cast<std::size_t>(round % 2);
    const Index own_count = rounds.count(round, home.count(rank_));
    if (messages) packed[set].resize(static_cast<std::size_t>(rounds.rows * trailing));
    sends[set].wait();
    for (const int other : far_) {
      receives[set].receive(packed[set].data() + away.begin(other) * own_count,
                            own_count * away.count(other), other, comm.get());
    }
    for (const int other : far_) {
      const double* rows = blocks_.local() + (home.begin(other) + rounds.first(round)) * columns;
      sends[set].send(rows, rounds.count(round, home.count(other)) * columns, other, comm.get());
    }
  };
  post(0);
  for (Index round = 0; round < round_total; ++round) {
    if (round + 1 < round_total) post(round + 1);
    const auto set = static_cast<std::size_t>(round % 2);
    receives[set].wait();
    const Index round_count = rounds.count(round, home.count(rank_));
    for (Index begin = 0; begin < round_count; begin += chunk_rows) {
      const Index first = rounds.first(round) + begin;
      const Index count = std::min(chunk_rows, round_count - begin);
      double* rows = target(first, count);
      const auto put = [&](int source, const double* block) {
        const Index width = away.count(source);
        for (Index row = 0; row < count; ++row) {
          place_rows(rows + row * trailing + away.begin(source), block + row * width, width);
        }
      };
      for (const int source : near_) {
        put(source, blocks_.on_node(source) + (row_begin + first) * away.count(source));
      }
      for (const int source : far_) {
        put(source,
            packed[set].data() + away.begin(source) * round_count + begin * away.count(source));
      }
      done(first, count);
    }
  }
  for (auto& requests : sends) requests.wait();
  node_barrier(comm);
}

}  // namespace kronwerk::communication
