#pragma once

#include <vector>

#include "kronwerk/factors/base/chain.hpp"

namespace kronwerk::operators {

/// Per mode, the links of a product in the order in which they act; identities left out.
using Steps = std::vector<std::vector<factors::Link>>;

/// What is computed from what: in this order, each from x (source -1) or from an earlier one.
struct SharedSteps {
  struct Node {
    Steps steps;
    int source = -1;
    factors::LocalProduct product;  ///< from the source
  };
  std::vector<Node> nodes;
  std::vector<int> node_of;  ///< of each wanted product; -1: it is an identity
};

Steps steps_of(const std::vector<factors::Chain>& chains);

/// Computes the wanted products with as few flops as sharing common beginnings allows: between any
/// two of them, and intermediate results that two of them have in common.
/// @param extents  columns of each mode
SharedSteps share_steps(const std::vector<Steps>& wanted, const std::vector<core::Index>& extents);

}  // namespace kronwerk::operators
