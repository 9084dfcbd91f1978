#include "kronwerk/prediction/models.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "prediction/some_machine.hpp"

namespace kronwerk::prediction {
namespace {

const configuration::Machine machine = some_machine();

Cost of(const std::vector<Stage>& stages, const std::string& name) {
  const auto found = std::ranges::find(stages, name, &Stage::name);
  if (found == stages.end()) throw core::InternalError("no stage " + name);
  return found->once;
}

std::vector<std::string> names_of(const std::vector<Stage>& stages) {
  std::vector<std::string> names;
  for (const Stage& stage : stages) names.push_back(stage.name);
  return names;
}

DensityWork density() {
  DensityWork work;
  work.extents = {1024, 1024};
  work.kernels = {{1024, 1, {1}}, {1024, 1, {1}}};
  work.scales = 2;
  return work;
}

TEST(PredictedDensities, HaveTheStagesOfARun) {
  const auto stages = price_density(Pricing(machine, {4, 4, 1}), density());
  EXPECT_EQ(names_of(stages), (std::vector<std::string>{"startup", "load", "factorise", "read",
                                                        "evaluate", "write"}));
}

TEST(PredictedDensities, DecomposeEachModeOnARankAndNoFasterWithMore) {
  const auto fixed = [](int ranks) {
    return of(price_density(Pricing(machine, {ranks, std::min(ranks, 4), 1}), density()),
              "factorise")
        .fixed;
  };
  const double one = 1024.0 * 1024 * 1024 / 40e9;
  EXPECT_NEAR(fixed(1), 2 * one, 1e-9);
  EXPECT_NEAR(fixed(2), one, 1e-9);
  EXPECT_NEAR(fixed(1000), one, 1e-9);
}

TEST(PredictedDensities, PayForEveryParameterOfAKernel) {
  DensityWork plain = density();
  for (KernelWork& kernel : plain.kernels) kernel.derivatives.clear();
  const Pricing pricing(machine, {1, 1, 1});
  const double values = 1024.0 * 1024;
  const double gradient = of(price_density(pricing, density()), "evaluate").arithmetic -
                          of(price_density(pricing, plain), "evaluate").arithmetic;
  // Derivatives' pairs, 3 n³ for each in its basis, and a rank update for each mode.
  const double flops = 2 * 3 * values * 1024 + 2 * values * 1024;
  EXPECT_NEAR(gradient, 2 * values / 1e9 + flops / 40e9, 1e-9);
}

FlowFitWork flow() {
  const PricedMode identity{2000, 2000, {}};
  const PricedMode weights{2000, 2000, {{Action::sparse, 16.0 * 2000}}};
  FlowFitWork work;
  work.lags.modes = {{identity, weights}, {identity, weights}};
  work.lags.terms = {{1, {0, 0}}, {-0.1, {1, 0}}, {-0.1, {0, 1}}, {0.01, {1, 1}}};
  work.columns = 3;
  work.decomposed = {2000};
  work.pairs = 4e6;
  work.to_basis = {{2000, 2000, {{Action::dense, 8e6}}}, {2000, 2000, {{Action::dense, 8e6}}}};
  work.iteration = work.lags;
  return work;
}

TEST(PredictedFlowFits, HaveTheStagesOfARunAndAPricePerEvaluation) {
  const auto stages = price_flow_fit(Pricing(machine, {4, 4, 1}), flow());
  EXPECT_EQ(names_of(stages),
            (std::vector<std::string>{"startup", "load", "read", "moments", "determinant", "fit",
                                      "expectation", "write"}));
  const auto fit = std::ranges::find(stages, "fit", &Stage::name);
  EXPECT_NEAR(fit->per_unit.arithmetic, 1e6 / 1e9, 1e-12);
  EXPECT_EQ(fit->once.total(), 0);
}

TEST(PredictedFlowFits, SendTheRowsOfNeighboursWhereThoseAreKnown) {
  const Pricing pricing(machine, {8, 4, 1});
  FlowFitWork work = flow();
  const double all = of(price_flow_fit(pricing, work), "moments").exchange;
  work.lags.needs = [](int /*parts*/) { return distribution::NeighbourNeeds{20, 20, 8000}; };
  EXPECT_NEAR(of(price_flow_fit(pricing, work), "moments").exchange, all * 20 / 250, 1e-12);
}

TEST(PredictedFlowFits, WithoutEigenvectorsSolveByIterations) {
  const Pricing pricing(machine, {1, 1, 1});
  FlowFitWork work = flow();
  EXPECT_NEAR(of(price_flow_fit(pricing, work), "expectation").fixed, 8.0 / 40, 1e-9);
  work.spectral = false;
  const Cost thirty = of(price_flow_fit(pricing, work), "expectation");
  work.iterations = 60;
  const Cost sixty = of(price_flow_fit(pricing, work), "expectation");
  EXPECT_EQ(thirty.fixed, 0);
  EXPECT_GT(sixty.arithmetic, 1.9 * thirty.arithmetic);
}

}  // namespace
}  // namespace kronwerk::prediction
