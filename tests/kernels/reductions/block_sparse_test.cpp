#include "kronwerk/kernels/reductions/block_sparse.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/reductions/distributed_reduction.hpp"

namespace kronwerk::kernels {
namespace {

using communication::Communicator;

/// The mask, from its definition: floor((point - origin) / width), and the gaps between cubes.
double cube_distance(const CellGrid& grid, const Cloud& x, Index i, const Cloud& y, Index j) {
  double squares = 0;
  for (std::size_t c = 0; c < grid.coordinates.size(); ++c) {
    const auto place = [&](const Cloud& cloud, Index p) {
      const Index coordinate = grid.coordinates[c];
      const double value = cloud.values.at(static_cast<std::size_t>(coordinate * cloud.count + p));
      return std::floor((value - grid.origin[c]) / grid.width);
    };
    const double gap = std::max(0.0, std::abs(place(x, i) - place(y, j)) - 1) * grid.width;
    squares += gap * gap;
  }
  return std::sqrt(squares);
}

double point_distance(const Cloud& x, Index i, const Cloud& y, Index j) {
  double squares = 0;
  for (Index c = 0; c < x.dimension; ++c) {
    const double difference = x.values.at(static_cast<std::size_t>(c * x.count + i)) -
                              y.values.at(static_cast<std::size_t>(c * y.count + j));
    squares += difference * difference;
  }
  return std::sqrt(squares);
}

class BlockSparseTest : public testing::Test {
 protected:
  void make_points(Index rows, Index columns, int dimension) {
    rows_ = random_rows(rows, dimension);
    columns_ = random_columns(columns, dimension);
    for (double& value : rows_.variables.at("x").values) value *= 10;
    for (double& value : columns_.variables.at("y").values) value *= 10;
  }
  BlockSparseOutcome run(const ReductionSetup& setup, const BlockSparsity& sparsity) {
    return reduce_block_sparse(comm_, setup, distribute(comm_, rows_), distribute(comm_, columns_),
                               sparsity);
  }
  static BlockSparsity within(double range, std::optional<double> width = {}) {
    return {"x", "y", range, {}, width};
  }
  bool kept(const BlockSparseOutcome& outcome, Index i, Index j) const {
    return cube_distance(outcome.grid, rows_.variables.at("x"), i, columns_.variables.at("y"), j) <=
           outcome.range * (1 + 1e-9);
  }
  double kept_share(const BlockSparseOutcome& outcome) const {
    Index pairs = 0;
    for (Index i = 0; i < rows_.count; ++i) {
      for (Index j = 0; j < columns_.count; ++j) pairs += kept(outcome, i, j) ? 1 : 0;
    }
    return static_cast<double>(pairs) / static_cast<double>(rows_.count * columns_.count);
  }
  /// Against the dense matrix without the pairs that are left out.
  BlockSparseOutcome expect_masked(const ReductionSetup& setup, const BlockSparsity& sparsity) {
    BlockSparseOutcome outcome = run(setup, sparsity);
    const auto keep = [&](Index i, Index j) { return kept(outcome, i, j); };
    EXPECT_NEAR(outcome.skipped_share, 1 - kept_share(outcome), 1e-12);
    for (std::size_t r = 0; r < setup.requests.size(); ++r) {
      const ReductionRequest& request = setup.requests[r];
      ReductionResult expected = dense_part(comm_, setup, request, rows_, columns_, keep);
      if (request.kind == ReductionKind::mean) {
        // Left-out pairs count as 0.
        expected = dense_part(comm_, setup, {ReductionKind::sum}, rows_, columns_, keep);
        const Index reduced = setup.over == axis_j ? columns_.count : rows_.count;
        for (double& value : expected.values) value /= static_cast<double>(reduced);
      }
      expect_results_near(outcome.reduced.results.at(r), expected, 1e-12,
                          to_text(request.kind) + " of " + setup.formula.text());
    }
    return outcome;
  }
  /// The largest difference from the dense matrix with all pairs, over all ranks.
  double error_against_all(const ReductionSetup& setup, const BlockSparseOutcome& outcome,
                           std::size_t r) {
    const ReductionResult all = dense_part(comm_, setup, setup.requests[r], rows_, columns_);
    double largest = 0;
    for (std::size_t v = 0; v < all.values.size(); ++v) {
      largest = std::max(largest, std::abs(all.values[v] - outcome.reduced.results[r].values[v]));
    }
    return comm_.max(largest);
  }

  Side rows_;
  Side columns_;
  Communicator comm_ = Communicator::duplicate(MPI_COMM_WORLD);
};

TEST_F(BlockSparseTest, EqualsTheMaskedDenseMatrix) {
  for (const int dimension : {1, 3, 5}) {
    make_points(31, 97, dimension);
    for (const Axes over : {axis_j, axis_i}) {
      for (const char* text : {"exp(-sqdist(x, y)) * b + a + i - 2*j", "v * a + (i == j)"}) {
        ReductionSetup setup{formula_of(text, dimension), {}, over, test_constants()};
        for (const ReductionKind kind :
             {ReductionKind::sum, ReductionKind::mean, ReductionKind::norm, ReductionKind::count,
              ReductionKind::any, ReductionKind::all, ReductionKind::logsumexp, ReductionKind::min,
              ReductionKind::max_argmax, ReductionKind::argmin}) {
          setup.requests.push_back({kind});
        }
        setup.requests.push_back({ReductionKind::kmin_argkmin, 5, {}});
        expect_masked(setup, within(2.5, 1.7));
        expect_masked(setup, within(0));
        const BlockSparseOutcome all = expect_masked(setup, within(100));
        EXPECT_EQ(all.skipped_share, 0);
      }
    }
  }
}

TEST_F(BlockSparseTest, WeightsAreOfTheSamePairs) {
  make_points(45, 120, 2);
  const ReductionSetup setup{formula_of("a*b - sqdist(x, y)", 2),
                             {{ReductionKind::logsumexp, 1, formula_of("square(v) + 0.1", 2)},
                              {ReductionKind::softmax, 1, formula_of("v", 2)}},
                             axis_j,
                             test_constants()};
  expect_masked(setup, within(3, 2));
}

TEST_F(BlockSparseTest, TheLowestIndexWinsTiesAlthoughPointsAreSorted) {
  make_points(40, 200, 2);
  for (double& value : rows_.variables.at("x").values) value = std::round(value / 4);
  for (double& value : columns_.variables.at("y").values) value = std::round(value / 4);
  for (const Axes over : {axis_j, axis_i}) {
    const ReductionSetup setup{formula_of("sqdist(x, y)", 2),
                               {{ReductionKind::argmin},
                                {ReductionKind::argkmin, 9, {}},
                                {ReductionKind::kmax_argkmax, 4, {}}},
                               over,
                               test_constants()};
    expect_masked(setup, within(2, 0.7));
  }
}

TEST_F(BlockSparseTest, NoPairWithinTheRangeIsLeftOutAndFarOnesAre) {
  make_points(80, 400, 3);
  const ReductionSetup setup{formula_of("b", 3), {{ReductionKind::sum}}, axis_j, test_constants()};
  const BlockSparseOutcome outcome = run(setup, within(3));
  EXPECT_EQ(outcome.range, 3);
  const double diagonal = std::sqrt(3.0) * outcome.grid.width;
  for (Index i = 0; i < rows_.count; ++i) {
    for (Index j = 0; j < columns_.count; ++j) {
      const double distance =
          point_distance(rows_.variables.at("x"), i, columns_.variables.at("y"), j);
      if (distance <= 3) {
        EXPECT_TRUE(kept(outcome, i, j));
      }
      if (distance > 3 + 2 * diagonal) {
        EXPECT_FALSE(kept(outcome, i, j));
      }
    }
  }
  EXPECT_GT(outcome.skipped_share, 0.2);
}

TEST_F(BlockSparseTest, TheToleranceOfDecayingKernelsBoundsTheError) {
  make_points(50, 300, 2);
  for (const char* text :
       {"exp(-sqdist(x, y) / (2*s^2)) * b", "(1 + norm(x - y) / s) * exp(-norm(x - y) / s) * b",
        "b * exp(-norm(x - y) / s) * v"}) {
    for (const Axes over : {axis_j, axis_i}) {
      const ReductionSetup setup{
          formula_of(text, 2),
          {{ReductionKind::sum}, {ReductionKind::mean}, {ReductionKind::norm}},
          over,
          test_constants()};
      const BlockSparseOutcome outcome = expect_masked(setup, {"x", "y", {}, 1e-4, {}});
      EXPECT_LT(outcome.range, 13) << text;
      EXPECT_GT(outcome.skipped_share, 0.1) << text;
      for (std::size_t r = 0; r < setup.requests.size(); ++r) {
        EXPECT_LE(error_against_all(setup, outcome, r), outcome.error_bounds[r] * (1 + 1e-9));
        EXPECT_GT(outcome.error_bounds[r], 0);
      }
      EXPECT_LE(outcome.error_bounds[0], 300 * 1e-4);
    }
  }
}

TEST_F(BlockSparseTest, LogsumexpLeavesOutWhatItsExponentialMakesSmall) {
  make_points(50, 300, 2);
  const ReductionSetup setup{formula_of("-sqdist(x, y) / s + a*b", 2),
                             {{ReductionKind::logsumexp}},
                             axis_j,
                             test_constants()};
  const BlockSparseOutcome outcome = expect_masked(setup, {"x", "y", {}, 1e-9, {}});
  EXPECT_GT(outcome.skipped_share, 0.3);
  EXPECT_LE(error_against_all(setup, outcome, 0), outcome.error_bounds[0] + 1e-13);
  EXPECT_LT(outcome.error_bounds[0], 1e-3);
}

TEST_F(BlockSparseTest, FormulasThatDoNotDecayLeaveOutNothing) {
  make_points(20, 30, 2);
  for (const char* text : {"1 / (1 + sqdist(x, y)) + a", "b", "sqdist(x, y)"}) {
    const ReductionSetup setup{
        formula_of(text, 2), {{ReductionKind::sum}}, axis_j, test_constants()};
    const BlockSparseOutcome outcome = expect_masked(setup, {"x", "y", {}, 1e-6, {}});
    EXPECT_EQ(outcome.range, std::numeric_limits<double>::infinity());
    EXPECT_EQ(outcome.skipped_share, 0);
  }
}

TEST_F(BlockSparseTest, WhichPairsAreLeftOutDoesNotDependOnTheNumberOfRanks) {
  make_points(60, 200, 2);
  const ReductionSetup setup{formula_of("b", 2), {{ReductionKind::sum}}, axis_j, test_constants()};
  const BlockSparseOutcome outcome = run(setup, within(2));
  const Communicator alone = Communicator::duplicate(MPI_COMM_SELF);
  const BlockSparseOutcome serial = reduce_block_sparse(alone, setup, distribute(alone, rows_),
                                                        distribute(alone, columns_), within(2));
  EXPECT_EQ(serial.grid.width, outcome.grid.width);
  EXPECT_EQ(serial.grid.origin, outcome.grid.origin);
  EXPECT_NEAR(serial.skipped_share, outcome.skipped_share, 1e-14);
}

TEST_F(BlockSparseTest, EmptyCloudsSinglePointsAndPointsInOnePlace) {
  const ReductionSetup setup{formula_of("exp(-sqdist(x, y)) * b", 2),
                             {{ReductionKind::sum}, {ReductionKind::argmin}},
                             axis_j,
                             test_constants()};
  for (const auto& [rows, columns] : {std::pair{0, 5}, std::pair{5, 0}, std::pair{1, 1}}) {
    make_points(rows, columns, 2);
    const BlockSparseOutcome outcome = run(setup, within(1));
    for (std::size_t r = 0; r < 2; ++r) {
      const auto keep = [&](Index i, Index j) { return kept(outcome, i, j); };
      expect_results_near(outcome.reduced.results[r],
                          dense_part(comm_, setup, setup.requests[r], rows_, columns_, keep), 1e-12,
                          "small");
    }
  }
  make_points(9, 14, 2);
  std::fill(rows_.variables.at("x").values.begin(), rows_.variables.at("x").values.end(), 2.0);
  std::fill(columns_.variables.at("y").values.begin(), columns_.variables.at("y").values.end(),
            2.0);
  EXPECT_EQ(expect_masked(setup, within(0)).skipped_share, 0);
}

TEST_F(BlockSparseTest, WhatCannotBeDoneIsRefusedOnEveryRank) {
  make_points(11, 12, 2);
  const ReductionSetup sum{formula_of("b", 2), {{ReductionKind::sum}}, axis_j, test_constants()};
  const ReductionSetup least{formula_of("b", 2), {{ReductionKind::min}}, axis_j, test_constants()};
  EXPECT_THROW(run(least, {"x", "y", {}, 1e-3, {}}), core::ConfigurationError);
  EXPECT_THROW(run(sum, {"x", "y", {}, {}, {}}), core::ConfigurationError);
  EXPECT_THROW(run(sum, {"x", "y", 1.0, 1e-3, {}}), core::ConfigurationError);
  EXPECT_THROW(run(sum, {"x", "y", -1.0, {}, {}}), core::ConfigurationError);
  EXPECT_THROW(run(sum, {"x", "b", 1.0, {}, {}}), core::ConfigurationError);
  EXPECT_THROW(run(sum, {"y", "x", 1.0, {}, {}}), core::ConfigurationError);
  EXPECT_THROW(run(sum, {"x", "y", 1.0, {}, 1e-9}), core::ConfigurationError);
  columns_.variables.at("y").values[7] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(run(sum, within(1)), core::DataError);
}

}  // namespace
}  // namespace kronwerk::kernels
