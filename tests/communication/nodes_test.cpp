// Jobs on several nodes, of which some have one rank.
#include "support/nodes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "communication/test_nodes.hpp"
#include "kronwerk/communication/shared_array.hpp"

namespace kronwerk::communication {
namespace {

TEST(PretendedNodesTest, RanksFollowEachOther) {
  const std::vector<int> expected{0, 0, 1, 2, 2, 2};
  for (int rank = 0; rank < 6; ++rank) {
    EXPECT_EQ(pretended_node("2+1+3", rank, 6), expected[static_cast<std::size_t>(rank)]);
  }
  EXPECT_EQ(pretended_node("1", 0, 1), 0);
}

TEST(PretendedNodesTest, WhatDoesNotFitTheJobIsRefused) {
  for (const char* text :
       {"", "2+", "+3", "2+x", "2,1", "3-0", "0+3", "-1+4", "2+1 ", "99999999999"})
    EXPECT_THROW(pretended_node(text, 0, 3), core::ConfigurationError) << text;
  try {
    pretended_node("2+2", 0, 3);
    FAIL() << "nothing was thrown";
  } catch (const core::ConfigurationError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("KRONWERK_TEST_NODES=2+2: more ranks than the job's 3"),
              std::string::npos)
        << message;
  }
  EXPECT_THROW(pretended_node("1+1", 0, 3), core::ConfigurationError);
}

/// As if the job had been started with that variable on rank 0 alone.
class NodesTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* before = std::getenv("KRONWERK_TEST_NODES");
    if (before != nullptr) kept_ = before;
  }
  void TearDown() override {
    unsetenv("KRONWERK_TEST_NODES");
    if (!kept_.empty()) setenv("KRONWERK_TEST_NODES", kept_.c_str(), 1);
  }
  Communicator with_nodes(const std::string& text) const {
    unsetenv("KRONWERK_TEST_NODES");
    Communicator comm = Communicator::duplicate(MPI_COMM_WORLD);
    if (comm.is_root()) setenv("KRONWERK_TEST_NODES", text.c_str(), 1);
    return comm;
  }
  std::string kept_;
};

TEST_F(NodesTest, NodesAreThoseThatRankZeroPretends) {
  const int size = Communicator::duplicate(MPI_COMM_WORLD).size();
  if (size == 1) GTEST_SKIP() << "needs two ranks";
  const Communicator comm = with_nodes(std::to_string(size - 1) + "+1");
  const bool last = comm.rank() == size - 1;
  EXPECT_EQ(comm.node().size(), last ? 1 : size - 1);
  EXPECT_EQ(comm.node().rank(), last ? 0 : comm.rank());
  EXPECT_EQ(comm.node_count(), 2);
}

TEST_F(NodesTest, ARefusalReachesEveryRank) {
  const Communicator comm = with_nodes("1000");
  EXPECT_THROW(comm.node(), core::ConfigurationError);
  EXPECT_THROW(comm.node_count(), core::ConfigurationError);
}

TEST_F(NodesTest, ArraysExistOncePerNodeWhateverTheNodesSizes) {
  const int size = Communicator::duplicate(MPI_COMM_WORLD).size();
  for (int first = 1; first < size; ++first) {
    const Communicator comm =
        with_nodes(std::to_string(first) + "+" + std::to_string(size - first));
    const int node = comm.rank() < first ? 0 : 1;
    for (int repeat = 0; repeat < 3; ++repeat) {
      SharedArray<double> array(comm, comm.node().is_root() ? 100 + node : 0);
      ASSERT_EQ(array.size(), 100 + node);
      if (comm.node().is_root()) {
        std::iota(array.mutable_span().begin(), array.mutable_span().end(), 1000.0 * node);
      }
      array.publish();
      EXPECT_EQ(array.span()[99], 1000.0 * node + 99);
      array.publish();
      EXPECT_EQ(comm.sum(core::Index{1}), size);
    }
    EXPECT_THROW(SharedArray<double>(comm, core::Index{1} << 46), core::ResourceError);
    EXPECT_EQ(comm.sum(core::Index{1}), size);
  }
}

TEST_F(NodesTest, BlocksAreReachableWithinANodeOnly) {
  const int size = Communicator::duplicate(MPI_COMM_WORLD).size();
  for (int first = 1; first < size; ++first) {
    const Communicator comm =
        with_nodes(std::to_string(first) + "+" + std::to_string(size - first));
    SharedBlocks blocks(comm);
    blocks.reserve(4);
    blocks.local()[3] = comm.rank();
    comm.barrier();
    for (int rank = 0; rank < size; ++rank) {
      const bool here = (rank < first) == (comm.rank() < first);
      ASSERT_EQ(blocks.on_node(rank) != nullptr, here);
      if (here) {
        EXPECT_EQ(blocks.on_node(rank)[3], rank);
      }
    }
    comm.barrier();
  }
}

TEST_F(NodesTest, TheGroupingOfThisRunIsTheOneAskedFor) {
  const Communicator comm = Communicator::duplicate(MPI_COMM_WORLD);
  const std::vector<int> nodes = testing_support::node_of_each_rank(comm.size());
  EXPECT_EQ(comm.node_count(), nodes.back() + 1);
  const int own = nodes[static_cast<std::size_t>(comm.rank())];
  EXPECT_EQ(comm.node().size(), std::count(nodes.begin(), nodes.end(), own));
}

}  // namespace
}  // namespace kronwerk::communication
