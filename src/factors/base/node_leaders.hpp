#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kronwerk/communication/map_nodes.hpp"

namespace kronwerk::factors {

/// One rank of each node, for bringing node-shared arrays to the same contents everywhere, and the
/// order in which ranks are given work of which each piece is done once.
class NodeLeaders {
 public:
  /// Collective on comm.
  explicit NodeLeaders(const communication::Communicator& comm);

  bool several_nodes() const noexcept { return nodes_.nodes() > 1; }

  /// All ranks: the first of every node, then the second of every node that has one, and so on, so
  /// that few pieces of work share a node's memory as little as they can.
  std::span<const int> by_turns() const noexcept { return by_turns_; }

  /// Brings together the nodes' arrays, of which each entry is zero on all nodes but one, bit for
  /// bit (a sum would lose the sign of zeros). Collective on the leaders; other ranks return at
  /// once. The node's ranks see the result after publish().
  void combine(std::span<double> values) const;

  /// Copies the array of the node of rank `owner`, who has published it, to the other nodes.
  /// Collective on the leaders; other ranks return at once. The node's ranks see the result after
  /// publish().
  void broadcast(std::span<std::byte> bytes, int owner) const;

 private:
  distribution::NodeMap nodes_;
  std::optional<communication::Communicator> comm_;
  std::vector<int> by_turns_;
};

}  // namespace kronwerk::factors
