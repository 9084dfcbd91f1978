#include "kronwerk/communication/shared_array.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <numeric>

#include "support/nodes.hpp"

namespace kronwerk::communication {
namespace {

class SharedArrayTest : public testing::Test {
 protected:
  Communicator comm_ = Communicator::duplicate(MPI_COMM_WORLD);
};

TEST_F(SharedArrayTest, ExistsOncePerNodeAndIsAligned) {
  SharedArray<double> array(comm_, 1001);
  EXPECT_EQ(array.size(), 1001);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(array.data()) % 64, 0U);
  const int writer = comm_.node().size() - 1;
  if (comm_.node().rank() == writer) {
    std::iota(array.mutable_span().begin(), array.mutable_span().end(), 0.0);
  }
  array.publish();
  EXPECT_EQ(array.span()[1000], 1000.0);
  array.publish();
}

TEST_F(SharedArrayTest, TakesItsSizeFromTheNodesFirstRank) {
  const SharedArray<int> array(comm_, comm_.node().is_root() ? 12 : 0);
  EXPECT_EQ(array.size(), 12);
}

TEST_F(SharedArrayTest, AnImpossibleSizeIsRefusedOnEveryRank) {
  EXPECT_THROW(SharedArray<double>(comm_, core::Index{1} << 46), core::ResourceError);
  const SharedArray<double> small(comm_, 3);
  EXPECT_EQ(small.size(), 3);
}

TEST_F(SharedArrayTest, EmptyArraysAreLegal) {
  const SharedArray<double> array(comm_, 0);
  EXPECT_EQ(array.size(), 0);
}

TEST_F(SharedArrayTest, PrivateCopiesBehaveTheSame) {
  const std::vector<double> values{1, 2, 3};
  auto array = SharedArray<double>::from_private(values);
  const auto moved = std::move(array);
  EXPECT_EQ(moved.span()[2], 3);
  moved.publish();
}

TEST_F(SharedArrayTest, BlocksOfOneNodeSeeEachOther) {
  const std::vector<int> nodes = testing_support::node_of_each_rank(comm_.size());
  const auto node_of = [&](int rank) { return nodes[static_cast<std::size_t>(rank)]; };
  SharedBlocks blocks(comm_);
  blocks.reserve(10 + comm_.rank());
  for (int i = 0; i < 10; ++i) blocks.local()[i] = comm_.rank();
  comm_.barrier();
  for (int rank = 0; rank < comm_.size(); ++rank) {
    ASSERT_EQ(blocks.on_node(rank) != nullptr, node_of(rank) == node_of(comm_.rank()));
    if (blocks.on_node(rank) != nullptr) {
      EXPECT_EQ(blocks.on_node(rank)[9], rank);
    }
  }
  comm_.barrier();
}

TEST_F(SharedArrayTest, PrivateBlocksAreNotReachable) {
  SharedBlocks blocks(comm_, SharedBlocks::Placement::private_memory);
  blocks.reserve(5);
  for (int rank = 0; rank < comm_.size(); ++rank) {
    EXPECT_EQ(blocks.on_node(rank) != nullptr, rank == comm_.rank());
  }
}

}  // namespace
}  // namespace kronwerk::communication
