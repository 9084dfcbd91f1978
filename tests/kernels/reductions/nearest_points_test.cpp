#include "kronwerk/kernels/reductions/nearest_points.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/formula/node_trees.hpp"
#include "kernels/reductions/distributed_reduction.hpp"

namespace kronwerk::kernels {
namespace {

using communication::Communicator;

class NearestTest : public testing::Test {
 protected:
  static ReductionSetup task_for(int dimension, Index k, Axes over = axis_j) {
    return {formula_of("sqdist(x, y)", dimension),
            {{ReductionKind::kmin_argkmin, k, {}},
             {ReductionKind::argkmin, 2, {}},
             {ReductionKind::min_argmin},
             {ReductionKind::argmin},
             {ReductionKind::min},
             {ReductionKind::kmin, k, {}}},
            over};
  }

  /// The answers of both methods are equal to the last bit.
  void expect_direct(const ReductionSetup& setup, const Side& rows, const Side& columns) {
    const DistributedSide my_rows = distribute(comm_, rows);
    const DistributedSide my_columns = distribute(comm_, columns);
    ASSERT_TRUE(is_nearest_search(setup));
    const ReduceOutcome products = reduce_nearest(comm_, setup, my_rows, my_columns);
    const ReduceOutcome direct = reduce(comm_, setup, my_rows, my_columns, Spread::kept_axis);
    EXPECT_TRUE(products.by_products);
    EXPECT_FALSE(direct.by_products);
    for (std::size_t r = 0; r < setup.requests.size(); ++r) {
      EXPECT_EQ(products.results[r].indices, direct.results[r].indices);
      EXPECT_EQ(products.results[r].values, direct.results[r].values);
      EXPECT_EQ(products.results[r].k, direct.results[r].k);
    }
  }

  Communicator comm_ = Communicator::duplicate(MPI_COMM_WORLD);
};

TEST_F(NearestTest, ProductsGiveTheSameAnswersAsDirectEvaluation) {
  for (const int dimension : {1, 3, 7, 50}) {
    for (const Axes over : {axis_j, axis_i}) {
      expect_direct(task_for(dimension, 5, over), random_rows(150, dimension),
                    random_columns(1300, dimension));
    }
  }
}

TEST_F(NearestTest, OfEqualPointsAreTheFirstOfThem) {
  // Every one is a candidate for every other, which must not be sorted again and again.
  const Index count = 4000;
  Side rows{0, count, {{"x", {3, count, std::vector<double>(3 * count, 0.1)}}}};
  Side columns{0, count, {{"y", {3, count, std::vector<double>(3 * count, 0.1)}}}};
  const auto outcome =
      reduce_nearest(comm_, task_for(3, 4), distribute(comm_, rows), distribute(comm_, columns));
  for (std::size_t v = 0; v < outcome.results[0].indices.size(); ++v) {
    ASSERT_EQ(outcome.results[0].indices[v], static_cast<std::int64_t>(v % 4));
    ASSERT_EQ(outcome.results[0].values[v], 0);
  }
}

TEST_F(NearestTest, EveryInstructionSetFindsTheSame) {
  trees::for_every_target([&](const char* target) {
    SCOPED_TRACE(target);
    expect_direct(task_for(24, 3), random_rows(70, 24), random_columns(611, 24));
  });
}

TEST_F(NearestTest, FewPointsAreNoException) {
  expect_direct(task_for(3, 2), random_rows(1, 3), random_columns(2, 3));
  expect_direct(task_for(3, 7), random_rows(5, 3), random_columns(7, 3));
  expect_direct(task_for(3, 2), random_rows(0, 3), random_columns(7, 3));
}

TEST_F(NearestTest, TheLowestIndexWinsTiesAndDuplicates) {
  Side rows = random_rows(90, 2);
  Side columns = random_columns(900, 2);
  for (double& value : rows.variables.at("x").values) value = std::round(3 * value);
  for (double& value : columns.variables.at("y").values) value = std::round(3 * value);
  // 49 different places: every distance is attained many times.
  expect_direct(task_for(2, 40), rows, columns);
}

TEST_F(NearestTest, PointsFarFromTheOriginAndAlmostEqualOnesAreToldApart) {
  Side rows = random_rows(70, 3);
  Side columns = random_columns(1100, 3);
  for (double& value : rows.variables.at("x").values) value = 1e6 + 1e-4 * value;
  for (double& value : columns.variables.at("y").values) value = 1e6 + 1e-4 * value;
  expect_direct(task_for(3, 6), rows, columns);
  // One distant pair spoils the scale.
  columns.variables.at("y").values[5] = -1e9;
  rows.variables.at("x").values[3] = 1e9;
  expect_direct(task_for(3, 6), rows, columns);
}

TEST_F(NearestTest, PointsThatCannotBeSquaredAreLeftToDirectEvaluation) {
  const Side rows = random_rows(20, 3);
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), 1e200}) {
    Side columns = random_columns(60, 3);
    columns.variables.at("y").values[7] = bad;
    const ReduceOutcome outcome =
        reduce_nearest(comm_, task_for(3, 4), distribute(comm_, rows), distribute(comm_, columns));
    EXPECT_FALSE(outcome.by_products);
    EXPECT_EQ(outcome.nan_count, std::isnan(bad) ? 20 : 0);
    expect_results_near(
        outcome.results[1],
        dense_part(comm_, task_for(3, 4), {ReductionKind::argkmin, 2, {}}, rows, columns), 1e-12,
        "argkmin");
  }
}

TEST_F(NearestTest, TheScaleOfThePointsDoesNotMatter) {
  for (const double scale : {1e130, 1e-130, 1e-60, 1e-170, 0.0}) {
    Side rows = random_rows(40, 4);
    Side columns = random_columns(300, 4);
    for (double& value : rows.variables.at("x").values) value *= scale;
    for (double& value : columns.variables.at("y").values) value *= scale;
    const ReductionSetup setup = task_for(4, 6);
    const DistributedSide my_rows = distribute(comm_, rows);
    const DistributedSide my_columns = distribute(comm_, columns);
    const ReduceOutcome products = reduce_nearest(comm_, setup, my_rows, my_columns);
    const ReduceOutcome direct = reduce(comm_, setup, my_rows, my_columns, Spread::kept_axis);
    EXPECT_EQ(products.by_products, scale != 1e-170);
    EXPECT_EQ(products.results[0].indices, direct.results[0].indices) << scale;
    EXPECT_EQ(products.results[0].values, direct.results[0].values) << scale;
  }
}

TEST_F(NearestTest, OtherTasksAreNotForProducts) {
  const auto is_search = [](const std::string& text, ReductionKind kind,
                            Precision precision = Precision::float64) {
    return is_nearest_search({formula_of(text, 3), {{kind}}, axis_j, test_constants(), precision});
  };
  EXPECT_TRUE(is_search("sqdist(x, y)", ReductionKind::argmin));
  EXPECT_TRUE(is_search("sqdist(y, x)", ReductionKind::argmin));
  EXPECT_FALSE(is_search("sqdist(x, y)", ReductionKind::argmax));
  EXPECT_FALSE(is_search("sqdist(x, y)", ReductionKind::sum));
  EXPECT_FALSE(is_search("sqdist(x, u)", ReductionKind::argmin));
  EXPECT_FALSE(is_search("sqdist(x, y) * b", ReductionKind::argmin));
  EXPECT_FALSE(is_search("sqdist(x, y)", ReductionKind::argmin, Precision::float32));
}

TEST_F(NearestTest, ReduceTakesProductsInManyDimensions) {
  const Side rows = random_rows(30, 64);
  const Side columns = random_columns(2500, 64);
  const ReductionSetup setup = task_for(64, 5);
  const ReduceOutcome outcome =
      reduce(comm_, setup, distribute(comm_, rows), distribute(comm_, columns));
  if (outcome.spread == Spread::kept_axis) {
    EXPECT_TRUE(outcome.by_products);
  }
  EXPECT_FALSE(prefers_products(task_for(3, 5), 30, 2500));
  expect_results_near(outcome.results[0],
                      dense_part(comm_, setup, setup.requests[0], rows, columns), 1e-12, "kmin");
}

}  // namespace
}  // namespace kronwerk::kernels
