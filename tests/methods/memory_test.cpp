#include "kronwerk/methods/memory.hpp"

#include <gtest/gtest.h>

namespace kronwerk::methods {
namespace {

MemoryNeeds needs() {
  MemoryNeeds result;
  result.vector_bytes_per_rank = 30e9;
  result.factor_bytes_per_node = 10e9;
  result.base_bytes_per_rank = 1e9;
  result.ranks = 4;
  result.nodes = 1;
  return result;
}

TEST(Memory, AJobThatFitsIsNotExplained) {
  EXPECT_EQ(explain_shortage(needs(), {.bytes = 135e9, .shared_bytes = 20e9}), "");
}

TEST(Memory, AJobThatDoesNotFitSaysWhatWouldDo) {
  // 120 GB of vectors over nodes with 100 - 10 - 4 = 86 GB for them.
  EXPECT_EQ(
      explain_shortage(needs(), {.bytes = 100e9, .shared_bytes = 20e9}),
      "the job does not fit: it needs 31 GB per rank and 134 GB per node (30 GB of vectors per "
      "rank, 10 GB of factors per node, 4 ranks per node); this node has 100 GB free; 2 such "
      "nodes with 4 ranks each (8 ranks) would do");
}

TEST(Memory, TooLittleSharedMemoryIsNamed) {
  const std::string text = explain_shortage(needs(), {.bytes = 500e9, .shared_bytes = 64e6});
  EXPECT_NE(text.find("/dev/shm has 64 MB free"), std::string::npos) << text;
  MemoryNeeds one_rank = needs();
  one_rank.ranks = 1;
  EXPECT_EQ(explain_shortage(one_rank, {.bytes = 500e9, .shared_bytes = 64e6}), "");
}

TEST(Memory, NodesMayHaveUnequalNumbersOfRanks) {
  // Five ranks on two nodes: four of them here, three if they were spread evenly.
  MemoryNeeds uneven = needs();
  uneven.ranks = 5;
  uneven.nodes = 2;
  const MemoryLimits limits{.bytes = 110e9, .shared_bytes = 20e9};
  EXPECT_EQ(explain_shortage(uneven, limits), "");
  uneven.ranks_here = 4;
  EXPECT_NE(explain_shortage(uneven, limits).find("4 ranks per node"), std::string::npos);
}

TEST(Memory, FactorsThatFillANodeAreNoMatterOfMoreNodes) {
  const std::string text = explain_shortage(needs(), {.bytes = 9e9, .shared_bytes = 64e9});
  EXPECT_NE(text.find("less than the factors alone need"), std::string::npos) << text;
}

TEST(Memory, LimitsOfThisMachineAreKnown) {
  const MemoryLimits limits = read_memory_limits();
  EXPECT_GT(limits.bytes, 1e6);
  EXPECT_LT(limits.bytes, 1e16);
}

}  // namespace
}  // namespace kronwerk::methods
