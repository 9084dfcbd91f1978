#include "application/forecast/predict_times.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "application/forecast/forecast.hpp"
#include "application/forecast/pair_costs.hpp"
#include "prediction/some_machine.hpp"

namespace kronwerk::application {
namespace {

using prediction::Model;
using prediction::Pricing;
using prediction::Stage;

const configuration::Machine machine = prediction::some_machine();

Model iterating() {
  Model model;
  model.unit = "iteration";
  model.units = 30;
  model.assumptions = {"a good preconditioner"};
  model.stages = [](const Pricing& pricing) {
    const double ranks = pricing.ranks().count;
    return std::vector<Stage>{{"startup", {.fixed = 0.5}},
                              {"solve", {.memory = 2 / ranks}, {.arithmetic = 1 / ranks}},
                              {"write", {.files = 0.25}}};
  };
  return model;
}

/// With one space in the place of several.
bool contains(const std::vector<std::string>& lines, const std::string& text) {
  return std::ranges::any_of(lines, [&](std::string line) {
    const auto both = [](char a, char b) { return a == ' ' && b == ' '; };
    line.erase(std::unique(line.begin(), line.end(), both), line.end());
    return line.find(text) != std::string::npos;
  });
}

TEST(PredictedTimes, ArePrintedByStageForEveryNumberOfRanks) {
  const auto lines = forecast_lines(iterating(), machine, {{1, 64, 1024}, 4, 1});
  EXPECT_TRUE(contains(lines, "stage, ranks 1 64 1,024"));
  EXPECT_TRUE(contains(lines, "solve 32 s 500 ms 31.2 ms"));
  EXPECT_TRUE(contains(lines, " per iteration 1 s 15.6 ms 977 us"));
  EXPECT_TRUE(contains(lines, "total 32.8 s"));
}

TEST(PredictedTimes, AreObjectsOfJsonWhereThatIsAskedFor) {
  EXPECT_EQ(forecast_json(iterating(), machine, {{1, 64}, 4, 2})[1],
            "{\"predicted\": {\"ranks\": 64, \"threads\": 2, \"stages\": {\"startup\": 0.5, "
            "\"solve\": 0.5, \"write\": 0.25}, \"seconds\": 1.25}}");
  Model unknown;
  unknown.why_not = "'graph'";
  EXPECT_EQ(forecast_json(unknown, machine, {{1}, 4, 1}),
            std::vector<std::string>{"{\"not_predicted\": \"'graph'\"}"});
}

TEST(PredictedTimes, SayWhatStaysWhatIsBestAndWhatIsAssumed) {
  const auto lines = forecast_lines(iterating(), machine, {{1024}, 64, 2});
  EXPECT_TRUE(contains(lines, "from 1,024 ranks to twice as many:"));
  EXPECT_TRUE(contains(lines, "startup: work that is not divided, 500 ms (64 %)"));
  EXPECT_TRUE(contains(lines, "best "));
  EXPECT_TRUE(contains(lines, "more gain less than 5 %"));
  EXPECT_TRUE(contains(lines, "a good preconditioner"));
  EXPECT_TRUE(contains(lines, "30 iterations, whose number is not known"));
  EXPECT_TRUE(contains(lines, "each of them as fast as the 4 that were measured"));
  EXPECT_TRUE(contains(lines, "BLAS as fast as its threads are many"));
}

TEST(PredictedTimes, NameWhatHasNoPrediction) {
  const auto lines = forecast_lines(not_modelled("the task project"), machine, {{64}, 4, 1});
  EXPECT_TRUE(contains(lines, "not predicted for the task project"));
  EXPECT_EQ(forecast_csv(not_modelled("x"), machine, {{64}, 4, 1}).size(), 1U);
}

TEST(PredictedTimes, AreALinePerStageAsCsv) {
  const auto lines = forecast_csv(iterating(), machine, {{4, 8}, 4, 1});
  ASSERT_EQ(lines.size(), 7U);
  EXPECT_EQ(lines[0], "ranks,threads,stage,seconds,first_seconds,unit,unit_seconds");
  EXPECT_EQ(lines[2], "4,1,solve,0.5,0,iteration,0.25");
  EXPECT_EQ(lines[6], "8,1,write,0.25,0,,0");
}

TEST(PredictedTimes, AreRefusedWithoutAMachineFile) {
  const auto comm = communication::Communicator::duplicate(MPI_COMM_WORLD);
  try {
    static_cast<void>(read_machine(comm, "/nowhere/machine.yaml"));
    FAIL();
  } catch (const core::ConfigurationError& error) {
    EXPECT_NE(std::string(error.what()).find("kronwerk measure"), std::string::npos);
  }
}

TEST(PredictedTimes, OfPairsFollowFromTheirInstructions) {
  EXPECT_EQ(relative_cost(reference_formula()), 1);
  EXPECT_GT(relative_cost(
                kernels::multiply(reference_formula(), kernels::exponential(reference_formula()))),
            1);
}

}  // namespace
}  // namespace kronwerk::application
