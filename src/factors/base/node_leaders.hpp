#pragma once

#include <cstddef>
#include <span>

#include "kronwerk/communication/communicator.hpp"

namespace kronwerk::factors {

/// One rank of each node, for bringing node-shared arrays to the same contents everywhere.
class NodeLeaders {
 public:
  /// Collective on comm, which must outlive this.
  explicit NodeLeaders(const communication::Communicator& comm);

  bool several_nodes() const { return comm_->node_count() > 1; }

  /// Brings together the nodes' arrays, of which each entry is zero on all nodes but one, bit for
  /// bit (a sum would lose the sign of zeros). Collective on the leaders; other ranks return at
  /// once. The node's ranks see the result after publish().
  void combine(std::span<double> values) const;

  /// Copies the array of the node of rank `owner`, who has published it, to the other nodes.
  /// Collective on the leaders; other ranks return at once. The node's ranks see the result after
  /// publish().
  void broadcast(std::span<std::byte> bytes, int owner) const;

 private:
  const communication::Communicator* comm_;
  const communication::Communicator* leaders_ = nullptr;  ///< null also where there is one node
};

}  // namespace kronwerk::factors
