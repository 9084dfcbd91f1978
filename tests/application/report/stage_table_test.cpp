#include "application/report/stage_table.hpp"

#include <gtest/gtest.h>

#include "application/report/placement.hpp"

namespace kronwerk::application {
namespace {

class StageTables : public testing::Test {
 protected:
  /// Rank r has worked 1 + r seconds, waited for `waiting`, and sent r messages.
  StageTable table(double waiting = 0.5) const {
    const double rank = comm_.rank();
    return make_stage_table(comm_, {{"startup", {.elapsed = 2}},
                                    {"solve",
                                     {.elapsed = 1 + rank + waiting,
                                      .waiting = waiting,
                                      .messages = rank,
                                      .bytes_sent = 800 * rank}},
                                    {"other", {.elapsed = 0.25, .waiting = 0.125}}});
  }
  static const Spread& of(const StageTable::Spreads& spreads, const char* measure) {
    return spreads[measure_index(measure)];
  }

  communication::Communicator comm_ = communication::Communicator::duplicate(MPI_COMM_WORLD);
};

TEST_F(StageTables, HaveRankZeroTheLeastTheMeanAndTheLargest) {
  const Spread& seconds = of(table().rows.at(1).of, "seconds");
  EXPECT_EQ(seconds.root, 1);
  EXPECT_EQ(seconds.least, 1);
  EXPECT_DOUBLE_EQ(seconds.mean, 1 + (comm_.size() - 1) / 2.0);
  EXPECT_EQ(seconds.largest, comm_.size());
  EXPECT_EQ(of(table().rows.at(1).of, "messages").largest, comm_.size() - 1);
}

TEST_F(StageTables, StagesAndWaitingOfRankZeroAddUpToItsTotal) {
  const StageTable whole = table();
  double sum = of(whole.total, "waiting").root;
  for (const auto& row : whole.rows) sum += of(row.of, "seconds").root;
  EXPECT_DOUBLE_EQ(sum, of(whole.total, "elapsed").root);
  EXPECT_DOUBLE_EQ(of(whole.total, "waiting").root, 0.625);
}

TEST_F(StageTables, PrintARowPerStageAndWaitingAsOneOfItsOwn) {
  const auto lines = lines_of(table(), 2);
  ASSERT_EQ(lines.size(), 6U);
  const std::vector<std::string> first{"stage", "startup", "solve", "other", "waiting", "total"};
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_TRUE(lines[i].starts_with(first[i])) << lines[i];
  }
  EXPECT_NE(lines[4].find("625 ms"), std::string::npos) << lines[4];
}

TEST_F(StageTables, OfOneRankLeaveOutWhatRanksDifferIn) {
  const auto lines = lines_of(table(0), 1);
  EXPECT_EQ(lines.size(), 5U);
  EXPECT_EQ(lines.front().find("largest"), std::string::npos);
}

TEST_F(StageTables, KnowTheirMeasuresByName) {
  EXPECT_STREQ(measures[measure_index("collectives")].name, "collectives");
  EXPECT_THROW(measure_index("parsecs"), core::InternalError);
}

TEST(Placement, TellsNumbersAsRanges) {
  EXPECT_EQ(ranges_text(std::vector<int>{}), "");
  EXPECT_EQ(ranges_text(std::vector<int>{4}), "4");
  EXPECT_EQ(ranges_text(std::vector<int>{0, 1, 2, 5, 7, 8}), "0-2,5,7-8");
}

TEST(Placement, TellsRanksThatShareProcessorsFromBoundOnes) {
  EXPECT_EQ(binding_text({"0-3", "0-3"}), "none (processors 0-3)");
  EXPECT_EQ(binding_text({"0-3"}), "none (processors 0-3)");
  EXPECT_EQ(binding_text({"0", "1"}), "to processors 0; 1");
  EXPECT_EQ(binding_text({"2"}), "to processors 2");
  EXPECT_EQ(binding_text({"0", "0"}), "none (processors 0)");
}

TEST(Placement, NamesEveryNodeOnceAndAllRanks) {
  const auto comm = communication::Communicator::duplicate(MPI_COMM_WORLD);
  const int nodes = comm.node_count();
  const auto placement = find_placement(comm);
  if (!comm.is_root()) {
    EXPECT_TRUE(placement.empty());
    return;
  }
  ASSERT_EQ(std::ssize(placement), nodes);
  EXPECT_TRUE(placement.front().ranks.starts_with("0"));
  for (const auto& node : placement) {
    EXPECT_FALSE(node.host.empty());
    EXPECT_NE(node.binding.find("processors"), std::string::npos);
  }
}

TEST(Usage, GrowsWithTimeAndMemory) {
  const Usage before = measure_usage();
  std::vector<char> block(std::size_t{32} << 20, 1);
  // Clang leaves memory out that nobody looks at.
  asm volatile("" : : "r"(block.data()) : "memory");
  const Usage used = measure_usage() - before;
  EXPECT_GT(before.elapsed, 0);
  EXPECT_GT(used.elapsed, 0);
  EXPECT_GE(used.touched_bytes, static_cast<double>(block.size()) / 2);
}

}  // namespace
}  // namespace kronwerk::application
