#include "kronwerk/models/graph/graph.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "kronwerk/factors/base/distributed_libraries.hpp"
#include "models/graph/dense_graph.hpp"
#include "models/graph/graph_solver.hpp"

namespace kronwerk::models {
namespace {

using Grams = std::vector<std::vector<double>>;

class GraphTest : public testing::Test {
 protected:
  static GraphProblem make(const Extents& extents, Index samples, double penalty,
                           std::uint64_t seed = 3) {
    GraphProblem problem{
        extents, oracle::grams(extents, oracle::samples(extents, samples, seed)), {}, {}};
    const double unit = oracle::mean_diagonal(problem.grams[0], extents[0]);
    problem.penalties.assign(extents.size(), penalty * unit);
    return problem;
  }

  GraphEstimate estimate(const GraphProblem& problem, const GraphEstimate* start = nullptr,
                         GraphSettings settings = {}) const {
    settings.tolerance = std::min(settings.tolerance, 1e-10);
    GraphEstimate result = estimate_graph(comm_, problem, settings, start);
    EXPECT_TRUE(result.converged) << result.reason;
    return result;
  }

  static void expect_optimal(const GraphProblem& problem, const GraphEstimate& estimate) {
    Grams factors = estimate.factors;
    const Index n = problem.extents[0];
    for (Index i = 0; i < n; ++i) {
      factors[0][static_cast<std::size_t>(i * (n + 1))] += estimate.offset;
    }
    const auto dense = oracle::graph(problem.extents, problem.grams, problem.penalties, factors);
    EXPECT_LE(dense.kkt, 1e-8);
    EXPECT_NEAR(dense.kkt, estimate.kkt, 1e-9);
    EXPECT_LE(dense.kkt, estimate.kkt + 1e-11);
    EXPECT_NEAR(estimate.objective, dense.objective, 1e-10 * std::abs(dense.objective) + 1e-10);
    EXPECT_NEAR(estimate.log_determinant, dense.log_determinant,
                1e-10 * std::abs(dense.log_determinant) + 1e-10);
  }

  static void expect_same(const Grams& a, const Grams& b, double tolerance) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t k = 0; k < a.size(); ++k) {
      ASSERT_EQ(a[k].size(), b[k].size());
      for (std::size_t i = 0; i < a[k].size(); ++i) {
        EXPECT_NEAR(a[k][i], b[k][i], tolerance) << k << ' ' << i;
        EXPECT_EQ(a[k][i] == 0, b[k][i] == 0) << k << ' ' << i;
      }
    }
  }

  template <typename Error>
  std::string refusal(const GraphProblem& problem) const {
    try {
      estimate_graph(comm_, problem);
    } catch (const Error& error) {
      return error.what();
    }
    ADD_FAILURE() << "nothing was thrown";
    return "";
  }

  communication::Communicator comm_ = communication::Communicator::duplicate(MPI_COMM_WORLD);
};

TEST_F(GraphTest, IsOptimalByTheDenseConditionsWithTheSameSupportOnAnyNumberOfRanks) {
  const auto alone = communication::Communicator::duplicate(MPI_COMM_SELF);
  for (const Index samples : {1, 20}) {
    for (const double penalty : {0.0, 0.02, 0.05, 0.2}) {
      if (samples == 1 && penalty == 0) continue;
      SCOPED_TRACE(testing::Message() << samples << " samples, penalty " << penalty);
      const auto problem = make({6, 7, 5}, samples, penalty);
      const auto result = estimate(problem);
      expect_optimal(problem, result);
      GraphSettings settings;
      settings.tolerance = 1e-10;
      const auto serial = estimate_graph(alone, problem, settings);
      EXPECT_EQ(result.edges, serial.edges);
      expect_same(result.factors, serial.factors, 1e-7);
    }
  }
}

TEST_F(GraphTest, HoldsForOtherNumbersOfModesAndExtentsOfOne) {
  for (const Extents& extents : {Extents{9}, Extents{11, 4}, Extents{1, 5, 3}, Extents{1},
                                 Extents{2, 3, 4, 3}, Extents{3, 1, 13}}) {
    for (const double penalty : {0.0, 0.1}) {
      SCOPED_TRACE(testing::Message() << core::to_text(extents) << ", penalty " << penalty);
      const auto problem = make(extents, 30, penalty);
      expect_optimal(problem, estimate(problem));
    }
  }
}

TEST_F(GraphTest, TakesOnePenaltyOfEachModeAndNoneOfSome) {
  auto problem = make({6, 7, 5}, 8, 0.1);
  problem.penalties[0] = 0;
  problem.penalties[2] *= 3;
  const auto result = estimate(problem);
  expect_optimal(problem, result);
  EXPECT_EQ(result.edges[0], 15);
}

TEST_F(GraphTest, IsTheGraphicalLassoInOneMode) {
  for (const double penalty : {0.02, 0.1, 0.3}) {
    const auto problem = make({12}, 15, penalty);
    const auto expected =
        oracle::graphical_lasso(oracle::Matrix(12, 12, problem.grams[0]), problem.penalties[0]);
    const auto result = estimate(problem);
    const double largest = *std::max_element(expected.values.begin(), expected.values.end());
    for (std::size_t i = 0; i < expected.values.size(); ++i) {
      EXPECT_NEAR(result.factors[0][i], expected.values[i], 1e-6 * largest);
    }
    EXPECT_GT(result.edges[0], 0);
    EXPECT_LT(result.edges[0], 66);
  }
}

TEST_F(GraphTest, IsExactlyDiagonalFromTheLargestEntryOn) {
  auto problem = make({6, 7, 5}, 3, 0.05);
  double largest = 0;
  for (Index i = 0; i < 7; ++i) {
    for (Index j = 0; j < i; ++j) {
      largest = std::max(largest, std::abs(problem.grams[1][static_cast<std::size_t>(i * 7 + j)]));
    }
  }
  problem.penalties[1] = largest;
  const auto result = estimate(problem);
  EXPECT_EQ(result.edges[1], 0);
  EXPECT_GT(result.edges[0], 0);
  expect_optimal(problem, result);
  problem.penalties[1] = 0.98 * largest;
  EXPECT_EQ(estimate(problem).edges[1], 1);
}

TEST_F(GraphTest, GivesTheBlocksSolutionsForGramsInBlocks) {
  // In one mode the blocks do not meet at all.
  const auto first = make({5}, 9, 0.1, 5);
  const auto second = make({4}, 9, 0.1, 6);
  GraphProblem whole{{9}, {std::vector<double>(81)}, {first.penalties[0]}, {}};
  const auto put = [&](const GraphProblem& part, Index n, const std::vector<Index>& rows) {
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < n; ++j) {
        const auto at = static_cast<std::size_t>(rows[static_cast<std::size_t>(i)] * 9 +
                                                 rows[static_cast<std::size_t>(j)]);
        whole.grams[0][at] = part.grams[0][static_cast<std::size_t>(i * n + j)];
      }
    }
  };
  const std::vector<Index> first_rows{0, 2, 3, 7, 8}, second_rows{1, 4, 5, 6};
  put(first, 5, first_rows);
  put(second, 4, second_rows);
  auto other = second;
  other.penalties = whole.penalties;
  const auto result = estimate(whole);
  EXPECT_GE(result.blocks, 2);
  const auto expect_block = [&](const GraphProblem& part, const std::vector<Index>& rows) {
    const auto expected = estimate(part).factors[0];
    std::size_t at = 0;
    for (const Index i : rows) {
      for (const Index j : rows) {
        EXPECT_NEAR(result.factors[0][static_cast<std::size_t>(i * 9 + j)], expected[at], 1e-8);
        ++at;
      }
    }
  };
  expect_block(first, first_rows);
  expect_block(other, second_rows);
  for (const Index i : first_rows) {
    for (const Index j : second_rows) {
      EXPECT_EQ(result.factors[0][static_cast<std::size_t>(i * 9 + j)], 0);
    }
  }
}

TEST_F(GraphTest, WeighsAndExcludesEntries) {
  auto problem = make({6, 5}, 12, 0.1);
  constexpr double never = std::numeric_limits<double>::infinity();
  problem.weights = {std::vector<double>(36, 1), {}};
  const auto weigh = [&](std::size_t i, std::size_t j, double weight) {
    problem.weights[0][i * 6 + j] = problem.weights[0][j * 6 + i] = weight;
  };
  weigh(0, 1, never);
  weigh(2, 3, 0);
  weigh(4, 5, 0);
  const auto result = estimate(problem);
  EXPECT_EQ(result.factors[0][1], 0);
  EXPECT_NE(result.factors[0][2 * 6 + 3], 0);
  EXPECT_NE(result.factors[0][4 * 6 + 5], 0);
  // The same problem with the weights in place of the penalty.
  auto ones = problem;
  for (double& weight : ones.weights[0]) weight *= 2;
  ones.penalties[0] /= 2;
  expect_same(result.factors, estimate(ones).factors, 1e-8);
}

TEST_F(GraphTest, TakesMeanDiagonalsThatSinglePrecisionSetsApart) {
  auto problem = make({6, 7, 5}, 8, 0.1);
  const auto exact = estimate(problem);
  for (double& value : problem.grams[1]) value *= 1 + 3e-7;
  const auto result = estimate(problem);
  for (std::size_t k = 0; k < 3; ++k) {
    for (std::size_t i = 0; i < exact.factors[k].size(); ++i) {
      EXPECT_NEAR(result.factors[k][i], exact.factors[k][i], 1e-7 * exact.factors[k][0]);
    }
  }
}

TEST_F(GraphTest, PutsTheTraceWhereTheRuleSays) {
  const auto problem = make({6, 7}, 5, 0.1);
  const auto split = estimate(problem);
  GraphSettings settings;
  settings.trace = operators::TraceRule::first;
  const auto first = estimate(problem, nullptr, settings);
  settings.trace = operators::TraceRule::none;
  const auto none = estimate(problem, nullptr, settings);
  const double mean = none.offset;
  EXPECT_GT(mean, 0);
  EXPECT_NEAR(oracle::mean_diagonal(split.factors[0], 6), mean / 2, 1e-12 * mean);
  EXPECT_NEAR(oracle::mean_diagonal(split.factors[1], 7), mean / 2, 1e-12 * mean);
  EXPECT_NEAR(oracle::mean_diagonal(first.factors[0], 6), mean, 1e-12 * mean);
  EXPECT_NEAR(oracle::mean_diagonal(first.factors[1], 7), 0, 1e-12 * mean);
  EXPECT_NEAR(oracle::mean_diagonal(none.factors[0], 6), 0, 1e-12 * mean);
  for (const auto* result : {&split, &first, &none}) {
    expect_optimal(problem, *result);
    double log_determinant = 0;
    for (const double a : result->eigenvalues[0]) {
      for (const double b : result->eigenvalues[1]) {
        log_determinant += std::log(result->offset + a + b);
      }
    }
    EXPECT_NEAR(result->log_determinant, log_determinant, 1e-9 * std::abs(log_determinant));
  }
}

TEST_F(GraphTest, StartsFromAnEstimateOfAnotherPenalty) {
  const auto problem = make({12, 9, 4}, 2, 0.04);
  const auto cold = estimate(problem);
  auto near = problem;
  for (double& penalty : near.penalties) penalty *= 1.05;
  GraphSettings settings;
  settings.trace = operators::TraceRule::none;
  const auto start = estimate(near, nullptr, settings);
  const auto warm = estimate(problem, &start);
  expect_same(warm.factors, cold.factors, 1e-7);
  EXPECT_LT(warm.decompositions, cold.decompositions);
  // Towards larger penalties, where fewer entries may stay.
  auto far = problem;
  for (double& penalty : far.penalties) penalty *= 6;
  expect_same(estimate(far, &cold).factors, estimate(far).factors, 1e-7);
}

TEST_F(GraphTest, DecomposesLargeBlocksByAllRanks) {
  const auto problem = make({9, 8}, 3, 0.05);
  const GraphObjective objective(comm_, problem, 4);
  BlockMatrices start;
  objective.resize(start);
  for (std::size_t b = 0; b < start.size(); ++b) {
    const auto step = static_cast<std::size_t>(objective.own_block(b).extent() + 1);
    for (std::size_t i = 0; i < start[b].size(); i += step) start[b][i] = 0.5;
  }
  GraphSettings settings;
  settings.tolerance = 1e-10;
  GraphSolver solver(objective, settings);
  solver.run(start);
  EXPECT_TRUE(solver.converged());
  auto factors = objective.assemble(solver.best().factors);
  for (auto& mode : factors) {
    for (double& value : mode) value /= objective.unit();
  }
  EXPECT_LE(oracle::graph(problem.extents, problem.grams, problem.penalties, factors).kkt, 1e-8);
  const auto distributed = std::ranges::count_if(
      objective.blocks(), [](const GraphBlock& block) { return block.distributed; });
  EXPECT_EQ(distributed > 0, comm_.size() > 2 && factors::has_scalapack()) << distributed;
}

TEST_F(GraphTest, KnowsTheDensityOfOtherSamples) {
  const auto problem = make({4, 3}, 10, 0.1);
  GraphSettings settings;
  settings.trace = operators::TraceRule::none;
  const auto result = estimate(problem, nullptr, settings);
  const auto others = oracle::samples(problem.extents, 7, 99);
  auto factors = result.factors;
  for (std::size_t i = 0; i < 16; i += 5) factors[0][i] += result.offset;
  const auto omega = oracle::kronecker_sum(problem.extents, factors);
  double expected = 0;
  for (Index s = 0; s < 7; ++s) {
    const std::span<const double> y(&others.values[static_cast<std::size_t>(s * 12)], 12);
    const auto image = oracle::multiply(omega, y);
    double square = 0;
    for (std::size_t i = 0; i < 12; ++i) square += y[i] * image[i];
    expected +=
        0.5 * (oracle::log_abs_det(omega) - square - 12 * std::log(2 * std::numbers::pi)) / 7;
  }
  EXPECT_NEAR(graph_log_density(problem.extents, result, oracle::grams(problem.extents, others)),
              expected, 1e-10 * std::abs(expected));
}

TEST_F(GraphTest, NamesProblemsWithoutAMinimum) {
  // One sample of 3 x 8: S_2 has rank 3.
  auto problem = make({3, 8}, 1, 0);
  EXPECT_NE(refusal<core::DataError>(problem).find("mode 2 (8 x 8) is singular (rank 3)"),
            std::string::npos);
  problem.penalties[1] = 0.01;
  expect_optimal(problem, estimate(problem));

  problem = make({4, 5}, 6, 0.1);
  for (std::size_t i = 0; i < 5; ++i) problem.grams[1][5 * i + 2] = problem.grams[1][10 + i] = 0;
  EXPECT_NE(refusal<core::DataError>(problem).find("mode 2 has 0 on its diagonal at 2"),
            std::string::npos);
}

TEST_F(GraphTest, EndsWhereUnpenalisedEntriesLeaveNoMinimum) {
  // Rows 0 and 1 of the first mode are equal, and nothing keeps their difference in bounds.
  GraphProblem problem{{3, 2},
                       {{2, 2, 0.5, 2, 2, 0.5, 0.5, 0.5, 2}, {2, 0.1, 0.1, 2}},
                       {0.1, 0.1},
                       {{1, 0, 1, 0, 1, 1, 1, 1, 1}, {}}};
  EXPECT_NE(refusal<core::DataError>(problem).find("unbounded, or nearly: the precision of mode 1"),
            std::string::npos);
}

TEST_F(GraphTest, RefusesGramsThatAreNone) {
  const auto good = make({4, 5}, 6, 0.1);
  auto problem = good;
  problem.grams[1][7] = problem.grams[1][11] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_NE(refusal<core::DataError>(problem).find("mode 2 is nan at (1, 2)"), std::string::npos);

  problem = good;
  for (double& value : problem.grams[1]) value *= 1.1;
  EXPECT_NE(refusal<core::DataError>(problem).find("mean diagonals"), std::string::npos);

  problem = good;
  problem.grams[0][1] = problem.grams[0][4] = 3 * problem.grams[0][0];
  EXPECT_NE(refusal<core::DataError>(problem).find("mode 1 (4 x 4) is not positive semi-definite"),
            std::string::npos);
  problem.penalties = {0, 0};
  EXPECT_NE(refusal<core::DataError>(problem).find("mode 1 (4 x 4) is not positive semi-definite"),
            std::string::npos);

  problem = good;
  problem.grams[0][1] += 0.1 * problem.grams[0][0];
  EXPECT_NE(refusal<core::DataError>(problem).find("mode 1 is not symmetric"), std::string::npos);
}

TEST_F(GraphTest, RefusesPenaltiesThatAreNoneAndShapesThatDoNotFit) {
  const auto good = make({4, 5}, 6, 0.1);
  auto problem = good;
  problem.penalties[1] = -0.1;
  EXPECT_NE(refusal<core::ConfigurationError>(problem).find("penalty of mode 2 is -0.1"),
            std::string::npos);
  problem = good;
  problem.weights = {{}, std::vector<double>(25, -1.0)};
  EXPECT_NE(refusal<core::DataError>(problem).find("weights of mode 2"), std::string::npos);
  problem = good;
  problem.grams.pop_back();
  EXPECT_NE(refusal<core::ShapeError>(problem), "");
  problem = good;
  problem.grams[0].pop_back();
  EXPECT_NE(refusal<core::ShapeError>(problem), "");
}

TEST_F(GraphTest, KeepsTheBestPointWhereRoundingStopsIt) {
  for (const double penalty : {0.0, 0.05}) {
    const auto problem = make({6, 7, 5}, 20, penalty);
    GraphSettings settings;
    settings.tolerance = 1e-18;
    const auto result = estimate_graph(comm_, problem, settings);
    EXPECT_FALSE(result.converged);
    EXPECT_NE(result.reason.find("rounding"), std::string::npos) << result.reason;
    EXPECT_LT(result.kkt, 1e-11);
    expect_optimal(problem, result);
  }
}

TEST_F(GraphTest, EndsWhenItsIterationsAreUsedUpOrItIsToldTo) {
  const auto problem = make({12, 9, 4}, 1, 0.02);
  GraphSettings settings;
  settings.max_iterations = 2;
  const auto result = estimate_graph(comm_, problem, settings);
  EXPECT_FALSE(result.converged);
  EXPECT_EQ(result.iterations, 2);
  EXPECT_NE(result.reason.find("2 iterations were not enough"), std::string::npos);
  settings.max_iterations = 100;
  settings.on_iteration = [](Index iteration, double) {
    if (iteration == 2) throw core::Terminated("enough");
  };
  EXPECT_THROW(estimate_graph(comm_, problem, settings), core::Terminated);
}

}  // namespace
}  // namespace kronwerk::models
