#pragma once

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/distribution/node_map.hpp"

namespace kronwerk::communication {

/// Which ranks share a node; nodes are numbered in the order of their lowest ranks. Collective on
/// comm.
distribution::NodeMap map_nodes(const Communicator& comm);

}  // namespace kronwerk::communication
