// See src/MATHEMATICS.md, "Layouts and redistribution".
#include "kronwerk/communication/redistribution.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <memory>

#include "communication/stream_copy.hpp"
#include "kronwerk/communication/requests.hpp"
#include "kronwerk/communication/traffic.hpp"
#include "kronwerk/distribution/node_map.hpp"

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

/// Room for messages that grows, its contents lost: the same few megabytes for many messages need
/// no zeros every time.
class Buffer {
 public:
  double* reserve(Index count) {
    if (count > count_) {
      values_ = std::make_unique_for_overwrite<double[]>(static_cast<std::size_t>(count));
      count_ = count;
    }
    return values_.get();
  }
  double* data() const noexcept { return values_.get(); }

 private:
  std::unique_ptr<double[]> values_;
  Index count_ = 0;
};

}  // namespace

/// Rows travel in rounds that bound the message buffers. Without far ranks there is one round of
/// all rows; rows too long to share a buffer are sent one by one from where they lie.
struct Redistribution::Rounds {
  Index rows;   ///< per round and rank
  Index total;  ///< rounds, the same on every rank
  bool messages;
  bool packed;

  Index first(Index round) const { return round * rows; }
  Index count(Index round, Index local_rows) const {
    return std::clamp<Index>(local_rows - first(round), 0, rows);
  }
};

Redistribution::Redistribution(SharedBlocks& blocks, const distribution::Layout& layout,
                               Index offset, Form form)
    : blocks_(blocks), layout_(layout), offset_(offset), rank_(blocks.comm().rank()) {
  blocks_.reserve(offset_ + layout_.largest_away_size());
  const auto& nodes = blocks_.comm().nodes();
  const double bytes = 8.0 * static_cast<double>(layout_.home().largest() * layout_.trailing());
  by_node_ = form == Form::by_node ||
             (form == Form::faster && blocks_.reach_each_other() &&
              distribution::by_node_is_faster(nodes.nodes(), nodes.ranks(), bytes));
  if (by_node_) {
    const auto members = nodes.members(nodes.node_of(rank_));
    // From itself on, so that the ranks of a node do not all write to the same one.
    near_.assign(members.begin(), members.end());
    std::rotate(near_.begin(), near_.begin() + nodes.place_of(rank_), near_.end());
    const auto channels = distribution::channels_by_node(nodes, rank_);
    for (const auto& each : channels.outgoing) add(outgoing_, each.partner, each.ranks);
    for (const auto& each : channels.incoming) add(incoming_, each.partner, each.ranks);
    return;
  }
  const int parts = layout_.parts();
  for (int shift = 0; shift < parts; ++shift) {
    const int other = (rank_ + shift) % parts;
    (blocks_.on_node(other) != nullptr ? near_ : far_).push_back(other);
  }
  for (const int& far : far_) {
    add(outgoing_, far, {&far, 1});
    add(incoming_, far, {&rank_, 1});
  }
}

void Redistribution::add(std::vector<Channel>& channels, int partner,
                         std::span<const int> ranks) const {
  Channel channel{partner, ranks, 0, 0};
  if (!channels.empty()) channel.before = channels.back().before + channels.back().columns;
  for (const int rank : ranks) channel.columns += layout_.away().count(rank);
  channels.push_back(channel);
}

Redistribution::Rounds Redistribution::rounds() const {
  const Index largest = std::max<Index>(1, layout_.home().largest());
  if (static_cast<int>(near_.size()) == layout_.parts()) return {largest, 1, false, false};
  const Index row_bytes = std::max<Index>(1, layout_.trailing()) * Index{sizeof(double)};
  const Index together = std::max<Index>(1, message_bytes / row_bytes);
  const Index rows = std::min(together, largest);
  return {rows, (largest + rows - 1) / rows, true, together > 1 || by_node_};
}

Index Redistribution::incoming_values(const Channel& channel, const Rounds& rounds,
                                      Index round) const {
  return rounds.count(round, layout_.home().count(channel.partner)) * channel.columns;
}

Index Redistribution::handed_on(const Rounds& rounds, Index round) const {
  Index values = 0;
  for (const Channel& channel : incoming_) {
    if (!in_place(channel)) values += incoming_values(channel, rounds, round);
  }
  return values;
}

bool Redistribution::in_place(const Channel& channel) const {
  return channel.ranks.size() == 1 && channel.ranks.front() == rank_;
}

double* Redistribution::away_rows(int rank, Index global_row) const {
  return blocks_.on_node(rank) + offset_ + global_row * layout_.away().count(rank);
}

/// Puts what has arrived for this node where it belongs.
void Redistribution::hand_on(const Rounds& rounds, Index round, const double* arrived) const {
  const auto& home = layout_.home();
  for (const Channel& channel : incoming_) {
    if (in_place(channel)) continue;
    const Index rows = rounds.count(round, home.count(channel.partner));
    for (const int rank : channel.ranks) {
      const Index count = rows * layout_.away().count(rank);
      copy(away_rows(rank, home.begin(channel.partner) + rounds.first(round)), arrived, count);
      arrived += count;
    }
  }
}

/// What goes home to the channel's partner in one piece.
const double* Redistribution::collect(const Channel& channel, const Rounds& rounds, Index round,
                                      double* leaving) const {
  const Index first = layout_.home().begin(channel.partner) + rounds.first(round);
  if (in_place(channel)) return away_rows(rank_, first);
  const Index rows = rounds.count(round, layout_.home().count(channel.partner));
  double* to = leaving;
  for (const int rank : channel.ranks) {
    const Index count = rows * layout_.away().count(rank);
    copy(to, away_rows(rank, first), count);
    to += count;
  }
  return leaving;
}

void Redistribution::to_away(Index chunk_rows, const Producer& produce) {
  const auto& comm = blocks_.comm();
  const auto& home = layout_.home();
  const auto& away = layout_.away();
  const Index trailing = layout_.trailing();
  const Rounds rounds = this->rounds();
  const Copy place_rows = copy_for(layout_);

  std::array<Buffer, 2> packed;
  std::array<Buffer, 2> arrived;
  std::array<Requests, 2> sends;
  std::array<Requests, 2> receives;
  const auto finish_receives = [&](Index round) {
    if (round < 0) return;
    const auto set = static_cast<std::size_t>(round % 2);
    receives[set].wait();
    hand_on(rounds, round, arrived[set].data());
  };
  const auto begin_receives = [&](Index round) {
    const auto set = static_cast<std::size_t>(round % 2);
    double* next = arrived[set].reserve(handed_on(rounds, round));
    for (const Channel& channel : incoming_) {
      const Index count = incoming_values(channel, rounds, round);
      const Index first = home.begin(channel.partner) + rounds.first(round);
      const bool direct = in_place(channel);
      receives[set].receive(direct ? away_rows(rank_, first) : next, count, channel.partner,
                            comm.get());
      if (!direct) next += count;
    }
  };
  for (Index round = 0; round < rounds.total; ++round) {
    const auto set = static_cast<std::size_t>(round % 2);
    finish_receives(round - 2);
    begin_receives(round);
    sends[set].wait();
    if (rounds.packed) packed[set].reserve(rounds.rows * trailing);
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
      for (const Channel& channel : outgoing_) {
        if (rounds.packed) {
          double* place = packed[set].data() + channel.before * own_rows;
          for (const int far : channel.ranks) {
            put(far, place + begin * away.count(far), copy);
            place += own_rows * away.count(far);
          }
          continue;
        }
        for (Index row = 0; row < count; ++row) {
          sends[set].send(rows + row * trailing + away.begin(channel.partner), channel.columns,
                          channel.partner, comm.get());
        }
      }
      if (!rounds.packed) sends[set].wait();
    }
    for (const Channel& channel : outgoing_) {
      if (!rounds.packed) break;
      sends[set].send(packed[set].data() + channel.before * own_rows, own_rows * channel.columns,
                      channel.partner, comm.get());
    }
  }
  finish_receives(rounds.total - 2);
  finish_receives(rounds.total - 1);
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
  std::array<Buffer, 2> packed;
  std::array<Buffer, 2> leaving;
  std::array<Requests, 2> sends;
  std::array<Requests, 2> receives;
  const auto exchange = [&](Index round) {
    const auto set = static_cast<std::size_t>(round % 2);
    const Index own_rows = rounds.count(round, home.count(rank_));
    if (rounds.messages) packed[set].reserve(rounds.rows * trailing);
    sends[set].wait();
    for (const Channel& channel : outgoing_) {
      receives[set].receive(packed[set].data() + channel.before * own_rows,
                            own_rows * channel.columns, channel.partner, comm.get());
    }
    double* next = leaving[set].reserve(handed_on(rounds, round));
    for (const Channel& channel : incoming_) {
      const Index count = incoming_values(channel, rounds, round);
      sends[set].send(collect(channel, rounds, round, next), count, channel.partner, comm.get());
      if (!in_place(channel)) next += count;
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
      for (const Channel& channel : outgoing_) {
        const double* block = packed[set].data() + channel.before * own_rows;
        for (const int far : channel.ranks) {
          take(far, block + begin * away.count(far));
          block += own_rows * away.count(far);
        }
      }
      done(first, count);
    }
  }
  for (auto& requests : sends) requests.wait();
  count_shared(layout_, near_, rank_);
  node_barrier(comm);
}

}  // namespace kronwerk::communication
