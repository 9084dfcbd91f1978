#include "application/report/repeat_table.hpp"

#include <gtest/gtest.h>

namespace kronwerk::application {
namespace {

/// A repeat in which every rank took so long.
StageTable repeat_of(double factorise, double solve) {
  StageTable table;
  const auto add = [&table](const char* stage, double seconds) {
    table.rows.push_back({stage, {}});
    table.rows.back().of[measure_index("elapsed")] = {seconds, seconds, seconds, seconds};
  };
  add("startup", 0);
  add("write", 9);
  add("factorise", factorise);
  add("gradient", 0);
  add("solve", solve);
  add("other", 1);
  return table;
}

TEST(RepeatTable, TellsTheFirstFromThoseAfterIt) {
  const RepeatTable table(
      {repeat_of(4, 100), repeat_of(2, 30), repeat_of(1, 10), repeat_of(3, 20), repeat_of(2, 50)});
  const auto seconds = table.seconds();
  ASSERT_EQ(seconds.size(), 4U);
  EXPECT_EQ(seconds[0].first, "factorise");
  EXPECT_EQ(seconds[1].first, "solve");
  EXPECT_EQ(seconds[2].first, "other");
  EXPECT_EQ(seconds[3].first, "all");
  EXPECT_EQ(seconds[1].second.first, 100);
  EXPECT_EQ(seconds[1].second.median, 25);
  EXPECT_EQ(seconds[1].second.least, 10);
  EXPECT_EQ(seconds[1].second.largest, 50);
  EXPECT_EQ(seconds[3].second.first, 105);
  EXPECT_EQ(seconds[3].second.least, 12);
  const auto lines = table.lines();
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_NE(lines[0].find("of the 4 after the first"), std::string::npos) << lines[0];
}

TEST(RepeatTable, SaysNothingOfAJobThatComputesOnce) {
  EXPECT_TRUE(RepeatTable({repeat_of(4, 100)}).lines().empty());
  EXPECT_TRUE(RepeatTable({}).lines().empty());
}

TEST(RepeatTable, TakesTheMiddleOfAnOddNumberAndTheMeanOfTwo) {
  EXPECT_EQ(median({3}), 3);
  EXPECT_EQ(median({9, 1, 5}), 5);
  EXPECT_EQ(median({4, 1, 9, 2}), 3);
}

}  // namespace
}  // namespace kronwerk::application
