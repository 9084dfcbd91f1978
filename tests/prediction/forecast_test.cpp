#include "kronwerk/prediction/forecast.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "kronwerk/prediction/reductions.hpp"
#include "kronwerk/prediction/solves.hpp"
#include "prediction/some_machine.hpp"

namespace kronwerk::prediction {
namespace {

const configuration::Machine machine = some_machine();

/// 64 seconds that are divided, a hundredth of one per rank that grows, and `fixed` seconds.
Model simple_model(double fixed) {
  Model model;
  model.stages = [fixed](const Pricing& pricing) {
    const double ranks = pricing.ranks().count;
    return std::vector<Stage>{{"work", {.arithmetic = 64 / ranks, .latency = 0.01 * ranks}},
                              {"alone", {.fixed = fixed}}};
  };
  return model;
}

TEST(Forecasts, FindTheBestNumberOfRanksAndWhereMoreGainNothing) {
  // 64/P + P/100 is least at 80: of 64 and 96, 64 has 1.64 and 96 has 1.6267.
  const Outlook outlook = find_outlook(simple_model(0), machine, 4, 1, 1 << 17);
  EXPECT_EQ(outlook.best, 96);
  EXPECT_NEAR(outlook.best_seconds, 64.0 / 96 + 0.96, 1e-12);
  EXPECT_EQ(outlook.enough, 64);
  EXPECT_EQ(outlook.efficient, 64);
}

TEST(Forecasts, NeverLookBeyondTheMostRanks) {
  const Outlook outlook = find_outlook(simple_model(0), machine, 4, 1, 20);
  EXPECT_EQ(outlook.best, 16);
}

TEST(Forecasts, NameWhatDoesNotShrinkTheLargestFirst) {
  const auto at = [](int ranks) { return forecast(simple_model(3), machine, {ranks, 4, 1}); };
  const auto obstacles = find_obstacles(at(64), at(128));
  ASSERT_EQ(obstacles.size(), 2U);
  EXPECT_EQ(obstacles[0].stage, "alone");
  EXPECT_EQ(obstacles[0].what, "work that is not divided");
  EXPECT_EQ(obstacles[1].stage, "work");
  EXPECT_NEAR(obstacles[1].seconds, 0.64, 1e-12);
  EXPECT_NEAR(obstacles[0].share, 3 / 4.64, 1e-9);
}

TEST(Forecasts, CountIterationsThatAreAssumed) {
  Model model;
  model.unit = "iteration";
  model.units = 30;
  model.stages = [](const Pricing&) {
    return std::vector<Stage>{{"solve", {.memory = 1}, {.arithmetic = 2}, {.memory = 4}}};
  };
  EXPECT_DOUBLE_EQ(forecast(model, machine, {1, 1, 1}).total(), 65);
}

VectorWork counties(Index n) {
  const auto extent = static_cast<double>(n);
  VectorWork work;
  const PricedMode mode{n, n, {{Action::sparse, 16 * extent}}};
  work.op = as_sum({mode, mode});
  work.factor_entries = {40 * extent, 40 * extent};
  work.random = true;
  work.frame = {1, 100 * extent, 8 * extent * extent};
  return work;
}

TEST(PredictedSolves, HaveTheStagesOfARunAndShrinkUpToSomeRanks) {
  const Index n = 3000;
  const PricedMode inverse{n, n, {{Action::substitution, 80 * static_cast<double>(n)}}};
  Model model;
  model.stages = [&](const Pricing& pricing) {
    return price_product_solve(pricing, counties(n), {inverse, inverse});
  };
  std::vector<std::string> names;
  for (const Stage& stage : forecast(model, machine, {1, 1, 1}).stages) names.push_back(stage.name);
  EXPECT_EQ(names, (std::vector<std::string>{"startup", "analyse", "load", "factorise", "allocate",
                                             "read", "solve", "verify", "check", "write"}));
  const auto solve = [&](int ranks) {
    const auto result = forecast(model, machine, {ranks, std::min(ranks, 4), 1});
    return result.of(result.stages[6]).total();
  };
  EXPECT_LT(solve(64), solve(4) / 4);
  EXPECT_GT(solve(100'000), solve(256));
}

TEST(PredictedSolves, ByIterationsSayWhatOneTakes) {
  const VectorWork work = counties(1000);
  const auto of = [&](const IterationWork& iteration) {
    const auto stages = price_krylov_solve(Pricing(machine, {16, 4, 1}), work, iteration);
    return std::ranges::find(stages, "solve", &Stage::name)->per_unit.total();
  };
  const double alone = of({work.op, {}, 128, 3});
  EXPECT_GT(alone, 0);
  EXPECT_GT(of({work.op, work.op, 128, 3}), alone);
}

TEST(PredictedReductions, SharePairsAndSendBlocksRound) {
  ReductionWork work;
  work.kept = work.reduced = 100'000;
  work.bytes_per_point = 24;
  work.keeps_axis = [](int) { return true; };
  const auto reduce = [&](int ranks) {
    const auto stages = price_reduction(Pricing(machine, {ranks, std::min(ranks, 4), 1}), work);
    return std::ranges::find(stages, "reduce", &Stage::name)->once;
  };
  EXPECT_NEAR(reduce(1).arithmetic, 10, 1e-9);
  EXPECT_NEAR(reduce(1000).arithmetic, 0.01, 1e-9);
  EXPECT_EQ(reduce(1).exchange, 0);
  EXPECT_NEAR(reduce(1000).exchange, 999 * 2400 / 1e9, 1e-9);
  EXPECT_GT(reduce(100'000).latency, 0.1);
}

}  // namespace
}  // namespace kronwerk::prediction
