// See src/MATHEMATICS.md, "Layouts and redistribution".
#include "kronwerk/communication/redistribution.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

#include "communication/stream_copy.hpp"
#include "kronwerk/communication/requests.hpp"
#include "kronwerk/communication/traffic.hpp"

namespace kronwerk::communication {
namespace {

using core::Index;

/// What one set of message buffers holds, for all destinations together.
constexpr Index message_bytes = Index{4} << 20;

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

/// Rows of the home block that other ranks of the node hold the columns of.
void count_shared(const distribution::Layout& layout, const std::vector<int>& near, int rank) {
  Index columns = 0;
  for (const int other : near) columns += other == rank ? 0 : layout.away().count(other);
  traffic().shared_bytes += layout.home().count(rank) * columns * Index{sizeof(double)};
}

}  // namespace

/// Rows travel in rounds that bound the message buffers. Without far ranks there is one round of
/// all rows; rows too long to share a buffer are sent one by one from where they lie.
struct Redistribution::Rounds {
  Index rows;   ///< per round and rank
  Index total;  ///< rounds, the same on every rank
  bool messages;

  bool packed() const { return messages && rows > 1; }
  Index first(Index round) const { return round * rows; }
  Index count(Index round, Index local_rows) const {
    return std::clamp<Index>(local_rows - first(round), 0, rows);
  }
};

Redistribution::Redistribution(SharedBlocks& blocks, const distribution::Layout& layout,
                               Index offset)
    : blocks_(blocks), layout_(layout), offset_(offset), rank_(blocks.comm().rank()) {
  blocks_.reserve(offset_ + layout_.away_size(rank_));
  const int parts = layout_.parts();
  for (int shift = 0; shift < parts; ++shift) {
    const int other = (rank_ + shift) % parts;
    (blocks_.on_node(other) != nullptr ? near_ : far_).push_back(other);
  }
}

Redistribution::Rounds Redistribution::rounds() const {
  const Index largest = std::max<Index>(1, layout_.home().largest());
  if (static_cast<int>(near_.size()) == layout_.parts()) return {largest, 1, false};
  const Index row_bytes = std::max<Index>(1, layout_.trailing()) * Index{sizeof(double)};
  const Index rows = std::max<Index>(1, message_bytes / row_bytes);
  return {rows, (largest + rows - 1) / rows, true};
}

double* Redistribution::away_rows(int rank, Index global_row) const {
  return blocks_.on_node(rank) + offset_ + global_row * layout_.away().count(rank);
}

void Redistribution::to_away(Index chunk_rows, const Producer& produce) {
  const auto& comm = blocks_.comm();
  const auto& home = layout_.home();
  const auto& away = layout_.away();
  const Index trailing = layout_.trailing();
  const Rounds rounds = this->rounds();
  const Copy place_rows = copy_for(layout_);

  std::array<std::vector<double>, 2> packed;
  std::array<Requests, 2> sends;
  std::array<Requests, 2> receives;
  for (Index round = 0; round < rounds.total; ++round) {
    const auto set = static_cast<std::size_t>(round % 2);
    receives[set].wait();
    for (const int source : far_) {
      receives[set].receive(away_rows(rank_, home.begin(source) + rounds.first(round)),
                            rounds.count(round, home.count(source)) * away.count(rank_), source,
                            comm.get());
    }
    sends[set].wait();
    if (rounds.packed()) packed[set].resize(static_cast<std::size_t>(rounds.rows * trailing));
    const Index own_rows = rounds.count(round, home.count(rank_));
    for (Index begin = 0; begin < own_rows; begin += chunk_rows) {
      const Index first = rounds.first(round) + begin;
      const Index count = std::min(chunk_rows, own_rows - begin);
      const double* rows = produce(first, count);
      const auto put = [&](int destination, double* place, Copy copy_row) {
        const Index width = away.count(destination);
        const double* source = rows + away.begin(destination);
        for (Index row = 0; row < count; ++row) {
          copy_row(place + row * width, source + row * trailing, width);
        }
      };
      for (const int near : near_)
        put(near, away_rows(near, home.begin(rank_) + first), place_rows);
      for (const int far : far_) {
        if (rounds.packed()) {
          put(far, packed[set].data() + away.begin(far) * own_rows + begin * away.count(far), copy);
          continue;
        }
        for (Index row = 0; row < count; ++row) {
          sends[set].send(rows + row * trailing + away.begin(far), away.count(far), far,
                          comm.get());
        }
      }
      if (!rounds.packed()) sends[set].wait();
    }
    for (const int far : far_) {
      if (!rounds.packed()) break;
      sends[set].send(packed[set].data() + away.begin(far) * own_rows, own_rows * away.count(far),
                      far, comm.get());
    }
  }
  for (auto& requests : receives) requests.wait();
  for (auto& requests : sends) requests.wait();
  count_shared(layout_, near_, rank_);
  node_barrier(comm);
}

void Redistribution::to_home(Index chunk_rows, const Target& target, const Consumer& done,
                             bool keep_in_cache) {
  const auto& comm = blocks_.comm();
  const auto& home = layout_.home();
  const auto& away = layout_.away();
  const Index trailing = layout_.trailing();
  const Rounds rounds = this->rounds();
  // Rows that are worked on at once stay in the cache.
  const Copy place_rows = keep_in_cache ? copy : copy_for(layout_);

  node_barrier(comm);
  std::array<std::vector<double>, 2> packed;
  std::array<Requests, 2> sends;
  std::array<Requests, 2> receives;
  const auto exchange = [&](Index round) {
    const auto set = static_cast<std::size_t>(round % 2);
    const Index own_rows = rounds.count(round, home.count(rank_));
    if (rounds.messages) packed[set].resize(static_cast<std::size_t>(rounds.rows * trailing));
    sends[set].wait();
    for (const int far : far_) {
      receives[set].receive(packed[set].data() + away.begin(far) * own_rows,
                            own_rows * away.count(far), far, comm.get());
    }
    for (const int far : far_) {
      sends[set].send(away_rows(rank_, home.begin(far) + rounds.first(round)),
                      rounds.count(round, home.count(far)) * away.count(rank_), far, comm.get());
    }
  };
  exchange(0);
  for (Index round = 0; round < rounds.total; ++round) {
    if (round + 1 < rounds.total) exchange(round + 1);
    const auto set = static_cast<std::size_t>(round % 2);
    receives[set].wait();
    const Index own_rows = rounds.count(round, home.count(rank_));
    for (Index begin = 0; begin < own_rows; begin += chunk_rows) {
      const Index first = rounds.first(round) + begin;
      const Index count = std::min(chunk_rows, own_rows - begin);
      double* rows = target(first, count);
      const auto take = [&](int source, const double* block) {
        const Index width = away.count(source);
        for (Index row = 0; row < count; ++row) {
          place_rows(rows + row * trailing + away.begin(source), block + row * width, width);
        }
      };
      for (const int near : near_) take(near, away_rows(near, home.begin(rank_) + first));
      for (const int far : far_) {
        take(far, packed[set].data() + away.begin(far) * own_rows + begin * away.count(far));
      }
      done(first, count);
    }
  }
  for (auto& requests : sends) requests.wait();
  count_shared(layout_, near_, rank_);
  node_barrier(comm);
}

}  // namespace kronwerk::communication
