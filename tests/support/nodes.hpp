#pragma once

// The nodes that a test run pretends, known without the library's own reading of the variable.

#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

namespace kronwerk::testing_support {

/// The node of each rank: KRONWERK_TEST_NODES=2+1 gives 0, 0, 1; without it all are on node 0.
inline std::vector<int> node_of_each_rank(int ranks) {
  const char* text = std::getenv("KRONWERK_TEST_NODES");
  if (text == nullptr) return std::vector<int>(static_cast<std::size_t>(ranks), 0);
  std::vector<int> nodes;
  std::istringstream stream(text);
  std::string count;
  for (int node = 0; std::getline(stream, count, '+'); ++node) {
    nodes.insert(nodes.end(), static_cast<std::size_t>(std::stoi(count)), node);
  }
  return nodes;
}

}  // namespace kronwerk::testing_support
