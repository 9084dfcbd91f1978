#pragma once

#include <span>
#include <vector>

#include "kronwerk/distribution/estimate.hpp"

namespace kronwerk::distribution {

/// Which ranks share a node.
class NodeMap {
 public:
  /// @param node_of  the node of every rank; nodes are numbered from 0 without gaps
  explicit NodeMap(std::vector<int> node_of);

  int ranks() const noexcept { return static_cast<int>(node_of_.size()); }
  int nodes() const noexcept { return static_cast<int>(begins_.size()) - 1; }
  int node_of(int rank) const noexcept { return node_of_[static_cast<std::size_t>(rank)]; }
  /// Of the rank among those of its node.
  int place_of(int rank) const noexcept { return place_of_[static_cast<std::size_t>(rank)]; }
  /// Its ranks, ascending.
  std::span<const int> members(int node) const noexcept;
  /// All ranks: the first of every node, then the second of every node that has one, and so on.
  /// Work of which each piece is done once goes to them in this order, so that few pieces share a
  /// node's memory as little as they can.
  std::span<const int> by_turns() const noexcept { return by_turns_; }

 private:
  std::vector<int> node_of_;
  std::vector<int> place_of_;
  std::vector<int> by_node_;  ///< all ranks, node after node
  std::vector<int> begins_;   ///< of every node in by_node_, and the end
  std::vector<int> by_turns_;
};

/// What one rank has to do with one rank of another node when the rows of a vector go away. When
/// they come home, the same goes the other way.
struct Channel {
  int partner = 0;
  /// Of the receiving node: whose columns of the sender's rows the message holds.
  std::span<const int> ranks;
};
struct Channels {
  std::vector<Channel> outgoing;
  std::vector<Channel> incoming;
};

/// Each rank sends one message to each other node, to the rank there that has its own place (modulo
/// their number), who hands the columns to the others through memory that they share. The spans are
/// of `nodes`, which must outlive them.
Channels channels_by_node(const NodeMap& nodes, int rank);

/// Whether channels_by_node() is faster than a message to each rank of the other nodes: fewer
/// messages, against one more time through memory for what they hold. The same on every rank.
/// @param bytes  what the busiest rank moves
bool by_node_is_faster(int nodes, int ranks, double bytes, const Rates& rates = {});

}  // namespace kronwerk::distribution
