#include "kronwerk/distribution/layout.hpp"

#include <gtest/gtest.h>

namespace kronwerk::distribution {
namespace {

TEST(Layout, HomeBlocksAreConsecutivePiecesOfTheGlobalOrder) {
  const Layout layout({7, 3, 11, 2}, 2, 5);
  EXPECT_EQ(layout.leading(), 21);
  EXPECT_EQ(layout.trailing(), 22);
  Index next = 0;
  for (int rank = 0; rank < 5; ++rank) {
    EXPECT_EQ(layout.home_begin(rank), next);
    next += layout.home_size(rank);
  }
  EXPECT_EQ(next, layout.size());
}

TEST(Layout, HomeAndAwayHoldEveryEntryOnceForManyRanks) {
  const int parts = 100'000;
  const Layout layout({313, 991, 1, 100'003}, 2, parts);
  Index home = 0;
  Index away = 0;
  for (int rank = 0; rank < parts; ++rank) {
    home += layout.home_size(rank);
    away += layout.away_size(rank);
  }
  EXPECT_EQ(home, layout.size());
  EXPECT_EQ(away, layout.size());
}

TEST(Layout, RanksBeyondTheExtentOwnNothing) {
  const Layout layout({3, 2}, 1, 8);
  EXPECT_EQ(layout.home_size(3), 0);
  EXPECT_EQ(layout.away_size(1), 3);
  EXPECT_EQ(layout.away_size(2), 0);
}

TEST(Layout, RefusesOverflowAndASplitBeyondTheModes) {
  EXPECT_THROW(Layout({Index{1} << 40, Index{1} << 40}, 1, 2), core::ShapeError);
  EXPECT_THROW(Layout({2, 2}, 3, 2), core::ShapeError);
}

}  // namespace
}  // namespace kronwerk::distribution
