#include "kronwerk/distribution/sum_estimate.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace kronwerk::distribution {
namespace {

ModeCost dense(Index rows, Index cols) {
  return {rows, cols, 2.0 * static_cast<double>(rows * cols), false};
}

ModeCost identity(Index extent) {
  return {extent, extent, 0, true};
}

/// Σ c_ij A_i ⊗ B_j, matrix 0 of each mode being the identity.
SumShape two_modes(Index n1, Index n2, const std::vector<std::vector<double>>& c) {
  SumShape shape;
  shape.modes = {{identity(n1)}, {identity(n2)}};
  for (std::size_t i = 1; i < c.size(); ++i) shape.modes[0].push_back(dense(n1, n1));
  for (std::size_t j = 1; j < c[0].size(); ++j) shape.modes[1].push_back(dense(n2, n2));
  for (std::size_t i = 0; i < c.size(); ++i) {
    for (std::size_t j = 0; j < c[i].size(); ++j) {
      if (c[i][j] == 0) continue;
      shape.terms.push_back({c[i][j], {static_cast<int>(i), static_cast<int>(j)}});
    }
  }
  return shape;
}

void expect_factors(const std::vector<double>& c, std::size_t rows, std::size_t cols, int rank) {
  const RankFactors factors = factor_by_rows(c, rows, cols);
  ASSERT_EQ(factors.rank, rank);
  const auto d = static_cast<std::size_t>(rank);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < cols; ++j) {
      double value = 0;
      double bound = std::abs(c[i * cols + j]);
      for (std::size_t k = 0; k < d; ++k) {
        const double product = factors.left[i * d + k] * factors.right[k * cols + j];
        value += product;
        bound += std::abs(product);
      }
      EXPECT_NEAR(value, c[i * cols + j], 1e-14 * bound) << i << ", " << j;
    }
  }
}

TEST(FactorByRows, FindsTheLeastRank) {
  expect_factors({0, 0, 0, 0}, 2, 2, 0);
  expect_factors({1, 2, 3, 2, 4, 6}, 2, 3, 1);
  expect_factors({1, 2, 3, 4}, 2, 2, 2);
  expect_factors({0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.5, 0.7, 0.9}, 3, 3, 2);
  expect_factors({1, 0, 0, 1, 1, 1}, 3, 2, 2);
}

TEST(FactorByRows, TakesRoundingAsEqualButNothingAsSmall) {
  const double third = 1.0 / 3;
  expect_factors({0.1 * third, 0.7 * third, 0.1 * third * (1 + 3e-16), 0.7 * third}, 2, 2, 1);
  // A factor of size 1e20 may stand behind a coefficient of 1e-20.
  expect_factors({1, 0, 0, 1e-20}, 2, 2, 2);
  expect_factors({1, 1e-20, 1, 2e-20}, 2, 2, 2);
}

TEST(FactorByRows, ReproducesRandomMatricesOfEveryRank) {
  std::mt19937 random(1);
  std::uniform_real_distribution<double> uniform(-1, 1);
  for (std::size_t rank = 1; rank <= 5; ++rank) {
    const std::size_t rows = 7, cols = 5;
    std::vector<double> c(rows * cols, 0.0);
    for (std::size_t k = 0; k < rank; ++k) {
      std::vector<double> left(rows), right(cols);
      for (double& value : left) value = uniform(random) * std::pow(10.0, 3 * uniform(random));
      for (double& value : right) value = uniform(random);
      for (std::size_t i = 0; i < c.size(); ++i) c[i] += left[i / cols] * right[i % cols];
    }
    expect_factors(c, rows, cols, static_cast<int>(rank));
  }
}

TEST(ScheduleSum, TheFlowOperatorMovesOneVectorEachWay) {
  const auto shape = two_modes(300, 300, {{1, -0.3}, {-0.35, -0.1}});
  const SumSchedule schedule = schedule_sum(shape, 1);
  EXPECT_EQ(schedule.rank, 1);
  EXPECT_EQ(schedule.leading.size(), 1U);
  EXPECT_EQ(schedule.local, (std::vector<double>{1, -0.3}));
  const SumEstimate estimate = estimate_sum(shape, 1, 4);
  EXPECT_EQ(estimate.exchanges, 2);
  EXPECT_EQ(estimate.vectors_moved, 2);
  EXPECT_DOUBLE_EQ(estimate.exchanged_bytes_per_rank, 2 * 8.0 * 75 * 300 * 3 / 4);
  EXPECT_DOUBLE_EQ(estimate.away_bytes_per_rank, 8.0 * 75 * 300);
}

TEST(ScheduleSum, MovesAVectorPerUnitOfRankAndOneBack) {
  const auto shape = two_modes(30, 40, {{1, 0, 0}, {0, 2, 0}, {0, 0, 3}});
  const SumEstimate estimate = estimate_sum(shape, 1, 2);
  EXPECT_EQ(estimate.vectors_moved, 3);
  EXPECT_EQ(estimate.exchanges, 2);
  EXPECT_DOUBLE_EQ(estimate.away_bytes_per_rank, 2 * 8.0 * 30 * 20);
  const auto dependent = two_modes(30, 40, {{1, 0, 0}, {0, 2, 4}, {0, 3, 6}});
  EXPECT_EQ(estimate_sum(dependent, 1, 2).vectors_moved, 2);
}

TEST(ScheduleSum, TakesTheOrderThatMovesLess) {
  // 30 x 40 to 30 x 4: after the trailing factors the vectors are a tenth as long.
  SumShape shape;
  shape.modes = {{dense(30, 30), dense(30, 30)}, {dense(4, 40), dense(4, 40)}};
  shape.terms = {{1, {0, 0}}, {1, {1, 1}}};
  EXPECT_EQ(schedule_sum(shape, 1).order, SumOrder::trailing_first);
  std::swap(shape.modes[1][0].rows, shape.modes[1][0].cols);
  std::swap(shape.modes[1][1].rows, shape.modes[1][1].cols);
  EXPECT_EQ(schedule_sum(shape, 1).order, SumOrder::leading_first);
}

TEST(ScheduleSum, TermsWithIdenticalLeadingPartsAreLocal) {
  // A ⊕ B ⊕ C: after the first mode one vector moves, after the second the sum A ⊕ B is applied to
  // one vector.
  SumShape shape;
  shape.modes = {
      {identity(5), dense(5, 5)}, {identity(6), dense(6, 6)}, {identity(7), dense(7, 7)}};
  shape.terms = {{1, {1, 0, 0}}, {1, {0, 1, 0}}, {1, {0, 0, 1}}};
  for (const int split : {1, 2}) {
    const SumEstimate estimate = estimate_sum(shape, split, 3);
    EXPECT_EQ(estimate.vectors_moved, 2) << split;
  }
  EXPECT_EQ(estimate_sum(shape, 0, 3).exchanges, 0);
  EXPECT_EQ(estimate_sum(shape, 3, 3).exchanges, 2);
}

TEST(ScheduleSum, LikeTermsThatCancelMoveNothing) {
  SumShape shape = two_modes(8, 9, {{1, 0}, {0, 2}});
  shape.terms.push_back({-2, {1, 1}});
  const SumSchedule schedule = schedule_sum(shape, 1);
  EXPECT_EQ(schedule.rank, 0);
  EXPECT_EQ(estimate_sum(shape, 1, 2).exchanges, 0);
}

TEST(EstimateNeighbours, FewRowsAreCheaperThanAllAndManyAreNot) {
  auto flow = two_modes(3000, 3000, {{1, -0.3}, {-0.35, -0.1}});
  for (auto& mode : flow.modes) mode[1].flops_per_fibre = 2.0 * 6 * 3000;
  const SumEstimate all = estimate_sum(flow, 1, 4);
  const SumEstimate few = estimate_neighbours(flow, 1, 4, {40, 40, 5000});
  EXPECT_TRUE(few.neighbours);
  EXPECT_EQ(few.exchanges, 1);
  EXPECT_DOUBLE_EQ(few.exchanged_bytes_per_rank, 8.0 * 40 * 3000);
  EXPECT_LT(few.seconds, all.seconds);
  EXPECT_GT(estimate_neighbours(flow, 1, 4, {2250, 2250 * 3, 5000}).seconds, all.seconds);
  EXPECT_EQ(estimate_neighbours(flow, 1, 1, {0, 0, 5000}).exchanges, 0);
}

TEST(ChooseSumSplit, GivesEveryRankAPartAndPrefersNoExchange) {
  SumShape batch;
  batch.modes = {{identity(1000)}, {identity(30), dense(30, 30)}, {identity(40), dense(40, 40)}};
  batch.terms = {{1, {0, 1, 0}}, {1, {0, 0, 1}}};
  EXPECT_EQ(choose_sum_split(batch, 8).leading_modes, 1);
  EXPECT_EQ(choose_sum_split(batch, 8).exchanges, 0);
  const SumEstimate many = choose_sum_split(two_modes(100'000, 100'000, {{1, 2}, {3, 4}}), 100'000);
  EXPECT_EQ(many.leading_modes, 1);
  EXPECT_EQ(many.exchanges, 2);
  EXPECT_THROW(choose_sum_split(SumShape{}, 2), core::ShapeError);
}

TEST(ChooseSumSplit, KeepsRowsInCacheOnOneRankToo) {
  // Without a leading mode, the partial products would be as long as the vector.
  const auto flow = two_modes(3000, 3000, {{1, -0.3}, {-0.35, -0.1}});
  EXPECT_EQ(choose_sum_split(flow, 1).leading_modes, 1);
  EXPECT_EQ(choose_sum_split(flow, 1).scratch_bytes_per_rank, 0);
  EXPECT_DOUBLE_EQ(estimate_sum(flow, 0, 1).scratch_bytes_per_rank, 3 * 8.0 * 3000 * 3000);
}

TEST(ChooseSumSplit, WeighsNeighboursOfEverySplit) {
  // Two products of sparse matrices: on one rank rows of one mode stay in cache, the whole vector
  // does not, although by exchanges both splits are as fast.
  auto flow = two_modes(3000, 3000, {{1, 0}, {0, -0.3}});
  for (auto& mode : flow.modes) mode[1].flops_per_fibre = 2.0 * 6 * 3000;
  const auto needs = [](int leading_modes) {
    return leading_modes == 1 ? std::optional(NeighbourNeeds{0, 0, 18'000}) : std::nullopt;
  };
  const SumEstimate estimate = choose_sum_split(flow, 1, needs);
  EXPECT_EQ(estimate.leading_modes, 1);
  EXPECT_TRUE(estimate.neighbours);
  EXPECT_LT(estimate.seconds, choose_sum_split(flow, 1).seconds);
  EXPECT_FALSE(estimate_either(flow, 2, 1, needs).neighbours);
}

TEST(ChooseSumSplit, AgreesWithTheProductsEstimateForOneTerm) {
  SumShape shape;
  shape.modes = {{dense(50, 50)}, {dense(60, 60)}, {dense(7, 7)}};
  shape.terms = {{2, {0, 0, 0}}};
  const std::vector<ModeCost> modes{dense(50, 50), dense(60, 60), dense(7, 7)};
  const auto sum = choose_sum_split(shape, 4);
  const auto product = choose_split(modes, 4);
  EXPECT_EQ(sum.leading_modes, product.leading_modes);
  EXPECT_DOUBLE_EQ(sum.exchanged_bytes_per_rank, product.exchanged_bytes_per_rank);
  EXPECT_DOUBLE_EQ(sum.away_bytes_per_rank, product.away_bytes_per_rank);
}

}  // namespace
}  // namespace kronwerk::distribution
