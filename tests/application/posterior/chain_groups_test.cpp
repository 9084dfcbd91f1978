#include "application/posterior/chain_groups.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace kronwerk::application {
namespace {

using core::Index;

CopyNeeds needs_of(double bytes_per_rank) {
  return [bytes_per_rank](int ranks, int nodes) {
    methods::MemoryNeeds needs;
    needs.vector_bytes_per_rank = bytes_per_rank;
    needs.ranks = ranks;
    needs.nodes = nodes;
    return needs;
  };
}

class ChainGroupsTest : public testing::Test {
 protected:
  communication::Communicator comm_ = communication::Communicator::duplicate(MPI_COMM_WORLD);
};

TEST_F(ChainGroupsTest, AreAsManyAsChainsAndRanksAllow) {
  const ChainGroups groups(comm_, 3, needs_of(1e3));
  EXPECT_EQ(groups.count(), std::min(comm_.size(), 3));
  EXPECT_EQ(comm_.sum(groups.own().is_root() ? Index{1} : 0), groups.count());
  for (Index chain = 0; chain < 3; ++chain) {
    // Of the rank that speaks for a chain, the own group runs it, and it is that group's first.
    const bool speaks = comm_.rank() == groups.root_of(chain);
    EXPECT_TRUE(!speaks || (groups.runs(chain) && groups.own().is_root()));
    EXPECT_EQ(comm_.sum(groups.runs(chain) && groups.own().is_root() ? Index{1} : 0), 1);
  }
}

TEST_F(ChainGroupsTest, AreOneWithoutRoomForCopiesOrWithoutCopies) {
  EXPECT_FALSE(ChainGroups(comm_, 4, needs_of(1e18)).apart());
  EXPECT_FALSE(ChainGroups(comm_, 4, {}).apart());
  EXPECT_FALSE(ChainGroups(comm_, 1, needs_of(1e3)).apart());
  EXPECT_EQ(ChainGroups(comm_, 4, {}).own().size(), comm_.size());
}

}  // namespace
}  // namespace kronwerk::application
