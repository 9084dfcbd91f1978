// See src/MATHEMATICS.md, "Layouts and redistribution".
#include "kronwerk/distribution/node_map.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "kronwerk/core/error.hpp"

namespace kronwerk::distribution {

NodeMap::NodeMap(std::vector<int> node_of) : node_of_(std::move(node_of)) {
  int nodes = 0;
  for (const int node : node_of_) {
    if (node < 0) throw core::InternalError("nodes are numbered from 0");
    nodes = std::max(nodes, node + 1);
  }
  std::vector<int> counts(static_cast<std::size_t>(nodes), 0);
  for (const int node : node_of_) place_of_.push_back(counts[static_cast<std::size_t>(node)]++);
  begins_.push_back(0);
  for (const int count : counts) {
    if (count == 0) throw core::InternalError("a node has no ranks");
    begins_.push_back(begins_.back() + count);
  }
  by_node_.resize(node_of_.size());
  for (std::size_t rank = 0; rank < node_of_.size(); ++rank) {
    const int first = begins_[static_cast<std::size_t>(node_of_[rank])];
    by_node_[static_cast<std::size_t>(first + place_of_[rank])] = static_cast<int>(rank);
  }
  by_turns_.resize(node_of_.size());
  std::iota(by_turns_.begin(), by_turns_.end(), 0);
  std::ranges::stable_sort(by_turns_, {}, [this](int rank) { return place_of(rank); });
}

std::span<const int> NodeMap::members(int node) const noexcept {
  const auto begin = static_cast<std::size_t>(begins_[static_cast<std::size_t>(node)]);
  const auto end = static_cast<std::size_t>(begins_[static_cast<std::size_t>(node) + 1]);
  return std::span(by_node_).subspan(begin, end - begin);
}

Channels channels_by_node(const NodeMap& nodes, int rank) {
  const int own = nodes.node_of(rank);
  const auto place = static_cast<std::size_t>(nodes.place_of(rank));
  const auto mine = nodes.members(own);
  Channels result;
  // Every node begins with the one after it, so that not all send to the same one.
  for (int shift = 1; shift < nodes.nodes(); ++shift) {
    const auto others = nodes.members((own + shift) % nodes.nodes());
    result.outgoing.push_back({others[place % others.size()], others});
    for (std::size_t other = place; other < others.size(); other += mine.size()) {
      result.incoming.push_back({others[other], mine});
    }
  }
  return result;
}

bool by_node_is_faster(int nodes, int ranks, double bytes, const Rates& rates) {
  const double others = nodes - 1;
  const double share = others / nodes;
  const double messages_by_rank = share * ranks;
  return messages_by_rank * rates.seconds_per_message >
         others * rates.seconds_per_message + 2 * share * bytes / rates.memory_bytes_per_second;
}

}  // namespace kronwerk::distribution
