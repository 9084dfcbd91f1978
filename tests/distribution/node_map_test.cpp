#include "kronwerk/distribution/node_map.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <vector>

#include "kronwerk/core/error.hpp"

namespace kronwerk::distribution {
namespace {

/// Nodes of the given numbers of ranks, one after another.
NodeMap nodes_of(const std::vector<int>& sizes) {
  std::vector<int> node_of;
  for (std::size_t node = 0; node < sizes.size(); ++node) {
    node_of.insert(node_of.end(), static_cast<std::size_t>(sizes[node]), static_cast<int>(node));
  }
  return NodeMap(std::move(node_of));
}

/// Ranks dealt to the nodes one by one.
NodeMap dealt(int ranks, int nodes) {
  std::vector<int> node_of;
  for (int rank = 0; rank < ranks; ++rank) node_of.push_back(rank % nodes);
  return NodeMap(std::move(node_of));
}

std::vector<NodeMap> small_maps() {
  return {nodes_of({4}),          nodes_of({1, 1, 1}), nodes_of({2, 1}), nodes_of({1, 3}),
          nodes_of({5, 2, 7, 1}), dealt(12, 5),        dealt(30, 30)};
}

TEST(NodeMap, KnowsTheRanksOfEachNode) {
  const NodeMap map({1, 0, 1, 1, 0});
  EXPECT_EQ(map.ranks(), 5);
  EXPECT_EQ(map.nodes(), 2);
  const auto first = map.members(0);
  EXPECT_EQ(std::vector<int>(first.begin(), first.end()), (std::vector<int>{1, 4}));
  const auto second = map.members(1);
  EXPECT_EQ(std::vector<int>(second.begin(), second.end()), (std::vector<int>{0, 2, 3}));
  EXPECT_EQ(map.place_of(3), 2);
  EXPECT_EQ(map.node_of(4), 0);
  const auto turns = map.by_turns();
  EXPECT_EQ(std::vector<int>(turns.begin(), turns.end()), (std::vector<int>{0, 1, 2, 4, 3}));
}

TEST(NodeMap, RefusesNodesWithoutRanks) {
  EXPECT_THROW(NodeMap({0, 2}), core::InternalError);
  EXPECT_THROW(NodeMap({0, -1}), core::InternalError);
}

TEST(ChannelsByNode, BringEveryRowToEveryRankOfOtherNodesOnce) {
  for (const NodeMap& map : small_maps()) {
    std::map<std::pair<int, int>, int> brought;  // from, to
    for (int rank = 0; rank < map.ranks(); ++rank) {
      for (const Channel& channel : channels_by_node(map, rank).outgoing) {
        EXPECT_NE(map.node_of(channel.partner), map.node_of(rank));
        for (const int to : channel.ranks) {
          EXPECT_EQ(map.node_of(to), map.node_of(channel.partner));
          ++brought[{rank, to}];
        }
      }
    }
    for (int from = 0; from < map.ranks(); ++from) {
      for (int to = 0; to < map.ranks(); ++to) {
        EXPECT_EQ((brought[{from, to}]), map.node_of(from) == map.node_of(to) ? 0 : 1);
      }
    }
  }
}

TEST(ChannelsByNode, AreKnownToBothSides) {
  for (const NodeMap& map : small_maps()) {
    std::multiset<std::pair<int, int>> sent, received;
    for (int rank = 0; rank < map.ranks(); ++rank) {
      const Channels channels = channels_by_node(map, rank);
      for (const Channel& channel : channels.outgoing) sent.insert({rank, channel.partner});
      for (const Channel& channel : channels.incoming) {
        received.insert({channel.partner, rank});
        EXPECT_TRUE(std::ranges::equal(channel.ranks, map.members(map.node_of(rank))));
      }
    }
    EXPECT_EQ(sent, received);
    EXPECT_EQ(std::set(sent.begin(), sent.end()).size(), sent.size());
  }
}

TEST(ChannelsByNode, AreAsManyAsNodesUpToManyRanks) {
  for (const int ranks : {1024, 4096, 100'000}) {
    for (const int per_node : {1, 32, 128}) {
      std::vector<int> sizes(static_cast<std::size_t>(ranks / per_node), per_node);
      if (ranks % per_node > 0) sizes.push_back(ranks % per_node);
      const NodeMap map = nodes_of(sizes);
      for (const int rank : {0, 1, per_node / 2, ranks / 3, ranks - 1}) {
        const Channels channels = channels_by_node(map, rank);
        EXPECT_EQ(std::ssize(channels.outgoing), map.nodes() - 1);
        // The ranks of a last node that has fewer take more.
        const auto own = std::ssize(map.members(map.node_of(rank)));
        const auto most = (per_node + own - 1) / own * (map.nodes() - 1);
        EXPECT_LE(std::ssize(channels.incoming), most);
      }
    }
  }
}

TEST(ByNode, IsTakenForShortMessagesOfManyRanks) {
  // 1,024 ranks, 64 on a node: 8 kB of messages of 74 bytes, or blocks of 600 MB.
  const NodeMap map = nodes_of(std::vector<int>(16, 64));
  EXPECT_TRUE(by_node_is_faster(map.nodes(), map.ranks(), 75e3));
  EXPECT_FALSE(by_node_is_faster(map.nodes(), map.ranks(), 600e6));
  // One rank on each node has nobody to hand on to, and one node sends nothing.
  EXPECT_FALSE(by_node_is_faster(16, 16, 75e3));
  EXPECT_FALSE(by_node_is_faster(1, 64, 75e3));
}

}  // namespace
}  // namespace kronwerk::distribution
