#include "kronwerk/prediction/pricing.hpp"

#include <gtest/gtest.h>

#include "kronwerk/core/error.hpp"
#include "prediction/some_machine.hpp"

namespace kronwerk::prediction {
namespace {

const configuration::Machine machine = some_machine();

TEST(Pricing, RatesAreThoseOfOneRankOrOfAllOfANodeOrBetween) {
  EXPECT_DOUBLE_EQ(Pricing(machine, {1, 1, 1}).rate(machine.memory_copy), 10);
  EXPECT_DOUBLE_EQ(Pricing(machine, {8, 4, 1}).rate(machine.memory_copy), 5);
  EXPECT_DOUBLE_EQ(Pricing(machine, {64, 64, 1}).rate(machine.memory_copy), 5);
  EXPECT_DOUBLE_EQ(Pricing(machine, {8, 2, 1}).rate(machine.memory_copy), 10 - 5.0 / 3);
}

TEST(Pricing, FewFlopsPerValueCostTheMemoryThatTheyStream) {
  const Pricing pricing(machine, {1, 1, 1});
  const auto seconds = [&](double size) {
    return size / pricing.rate(machine.sparse_last_mode, size);
  };
  EXPECT_DOUBLE_EQ(seconds(1), seconds(8));
  EXPECT_DOUBLE_EQ(seconds(64), 2 * seconds(32));
  EXPECT_DOUBLE_EQ(seconds(20), 0.5 * (seconds(8) + seconds(32)));
}

TEST(Pricing, AnExchangeOfOneRankIsACopy) {
  const Cost cost = Pricing(machine, {1, 1, 1}).redistribution(8e9, 1000);
  EXPECT_DOUBLE_EQ(cost.total(), 1.0);
}

TEST(Pricing, BetweenNodesShortMessagesGoToNodesAndLongOnesToRanks) {
  const Pricing pricing(machine, {1000, 4, 1});
  EXPECT_NEAR(pricing.redistribution(1e5, 1).latency, 249 / 500e3 + 2e-6 + 2 * 3e-6, 1e-9);
  EXPECT_NEAR(pricing.redistribution(4e8, 100).latency, 100 * (996 / 500e3 + 2e-6) + 2 * 3e-6,
              1e-9);
}

TEST(Pricing, MessagesOfBoundedSizeGoInRounds) {
  const Pricing pricing(machine, {8, 4, 1});
  // Of twice the messages' size in four rows: two rounds.
  const double one = pricing.redistribution(4 * (1 << 20), 4).latency;
  const double two = pricing.redistribution(8 * (1 << 20), 4).latency;
  EXPECT_NEAR(two - one, one - 2 * 3e-6, 1e-9);
}

TEST(Pricing, ReductionsGrowWithTheLogarithmOfTheRanks) {
  const auto seconds = [&](int ranks) {
    return Pricing(machine, {ranks, 4, 1}).reductions(1).total();
  };
  EXPECT_EQ(seconds(1), 0);
  EXPECT_DOUBLE_EQ(seconds(3), 3e-6);
  EXPECT_DOUBLE_EQ(seconds(8), 8e-6);
  EXPECT_NEAR(seconds(1 << 17), 8e-6 + 14 * 5e-6, 1e-12);
}

TEST(Pricing, FactorisationsAreSharedByAllRanksAndSentToOtherNodes) {
  const std::vector<double> entries(8, 1e6);
  EXPECT_DOUBLE_EQ(Pricing(machine, {1, 1, 1}).sparse_factorisations(entries).total(), 0.8);
  EXPECT_DOUBLE_EQ(Pricing(machine, {4, 4, 1}).sparse_factorisations(entries).total(), 0.2);
  const Cost many = Pricing(machine, {400, 4, 1}).sparse_factorisations(entries);
  EXPECT_DOUBLE_EQ(many.fixed, 0.1);
  EXPECT_NEAR(many.exchange, 2 * 12 * 8e6 / 1e9, 1e-12);
}

TEST(Pricing, LargeEigenproblemsAreSharedWhereThatIsForeseenToBeFaster) {
  const double n = 4096;
  const double alone = Pricing(machine, {1, 1, 1}).eigenproblems({{n}}, true).fixed;
  EXPECT_NEAR(alone, n * n * n / 40e9, 1e-9);
  const Cost shared = Pricing(machine, {64, 4, 1}).eigenproblems({{n}}, true);
  EXPECT_EQ(shared.fixed, 0);
  EXPECT_NEAR(shared.arithmetic, alone * 8 / 64, 1e-9);
  EXPECT_GT(shared.latency, 0);
  // As many as ranks, and small ones, are done side by side.
  EXPECT_NEAR(Pricing(machine, {2, 2, 1}).eigenproblems({{n, n}}, true).fixed, alone, 1e-9);
  EXPECT_GT(Pricing(machine, {64, 4, 1}).eigenproblems({{1024}}, true).fixed, 0);
}

TEST(Pricing, MachinesMeasuredByOneRankSayNothingOfMessages) {
  configuration::Machine alone = machine;
  alone.within_node = {};
  EXPECT_NO_THROW(Pricing(alone, {1, 1, 1}));
  EXPECT_THROW(Pricing(alone, {2, 2, 1}), core::ConfigurationError);
}

}  // namespace
}  // namespace kronwerk::prediction
