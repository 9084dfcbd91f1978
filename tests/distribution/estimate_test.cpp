#include "kronwerk/distribution/estimate.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace kronwerk::distribution {
namespace {

ModeCost dense(Index extent) {
  return {extent, extent, 2.0 * static_cast<double>(extent * extent), false};
}

ModeCost identity(Index extent) {
  return {extent, extent, 0, true};
}

TEST(ChooseSplit, SplitsTwoEqualModesInTheMiddle) {
  const std::vector<ModeCost> modes{dense(300), dense(300)};
  const auto estimate = choose_split(modes, 4);
  EXPECT_EQ(estimate.leading_modes, 1);
  EXPECT_EQ(estimate.exchanges, 2);
  EXPECT_DOUBLE_EQ(estimate.exchanged_bytes_per_rank, 2 * 8.0 * 75 * 300 * 3 / 4);
}

TEST(ChooseSplit, NeedsNoExchangeWhereLeadingFactorsAreIdentities) {
  const std::vector<ModeCost> modes{identity(1000), dense(50), dense(40)};
  const auto estimate = choose_split(modes, 4);
  EXPECT_EQ(estimate.leading_modes, 1);
  EXPECT_EQ(estimate.exchanges, 0);
  EXPECT_EQ(estimate.exchanged_bytes_per_rank, 0);
  EXPECT_EQ(estimate.away_bytes_per_rank, 0);
}

TEST(ChooseSplit, GivesEveryRankWorkWhereThereIsEnough) {
  const std::vector<ModeCost> modes{dense(2), dense(3), dense(500), dense(7), dense(11)};
  const auto estimate = choose_split(modes, 64);
  const Layout layout({2, 3, 500, 7, 11}, estimate.leading_modes, 64);
  EXPECT_GE(std::min(layout.leading(), layout.trailing()), 64);
}

TEST(ChooseSplit, SpreadsSmallVectorsToo) {
  const std::vector<ModeCost> modes{dense(5), dense(4)};
  EXPECT_EQ(choose_split(modes, 4).leading_modes, 1);
}

TEST(ChooseSplit, WorksForOneToTwelveModesAnd100000Ranks) {
  for (std::size_t count = 1; count <= 12; ++count) {
    const std::vector<ModeCost> modes(count, dense(5));
    for (const int parts : {1, 3, 100'000}) {
      const auto estimate = choose_split(modes, parts);
      EXPECT_GE(estimate.leading_modes, 0);
      EXPECT_LE(estimate.leading_modes, static_cast<int>(count));
      EXPECT_GT(estimate.flops_busiest_rank, 0);
    }
  }
}

TEST(ChooseSplit, ShrinksBeforeTheExchangeAndGrowsAfter) {
  const ModeCost shrink{10, 1000, 2.0 * 10 * 1000, false};
  const ModeCost grow{1000, 10, 2.0 * 10 * 1000, false};
  const std::vector<ModeCost> shrinking{dense(100), shrink};
  const std::vector<ModeCost> growing{dense(100), grow};
  const auto first = estimate_product(shrinking, 1, 2);
  const auto second = estimate_product(growing, 1, 2);
  EXPECT_DOUBLE_EQ(first.exchanged_bytes_per_rank, second.exchanged_bytes_per_rank);
  EXPECT_DOUBLE_EQ(first.exchanged_bytes_per_rank, 2 * 8.0 * 50 * 10 / 2);
}

TEST(ChooseSplit, RefusesNoModesAndOverflow) {
  EXPECT_THROW(choose_split({}, 2), core::ShapeError);
  const std::vector<ModeCost> modes(12, dense(100'000));
  EXPECT_THROW(choose_split(modes, 2), core::ShapeError);
}

}  // namespace
}  // namespace kronwerk::distribution
