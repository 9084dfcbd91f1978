#include "kronwerk/kernels/reductions/reduce_gradient.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "kernels/reductions/distributed_reduction.hpp"

namespace kronwerk::kernels {
namespace {

using communication::Communicator;

const std::vector<std::string> all_names{"s", "u", "x", "a", "y", "b", "v"};

/// What a gradient is checked on: whole sides, the same on every rank.
struct Point {
  Side rows;
  Side columns;
  Constants constants;
};

class ReduceGradientTest : public testing::Test {
 protected:
  /// L = Σ cotangent · result, by reduce().
  double objective(ReductionSetup setup, const Point& point, const std::vector<double>& cotangent) {
    setup.constants = point.constants;
    const ReductionResult result =
        reduce(comm_, setup, distribute(comm_, point.rows), distribute(comm_, point.columns))
            .results.at(0);
    const std::vector<double> mine = my_part(cotangent, result.dimension);
    long double total = 0;
    for (std::size_t v = 0; v < mine.size(); ++v) total += mine[v] * result.values[v];
    return comm_.sum(static_cast<double>(total));
  }

  std::vector<double> my_part(const std::vector<double>& whole, int dimension) const {
    const Index kept = static_cast<Index>(whole.size()) / dimension;
    const distribution::BlockPartition partition(kept, comm_.size());
    return {whole.begin() + partition.begin(comm_.rank()) * dimension,
            whole.begin() + partition.end(comm_.rank()) * dimension};
  }

  /// Central difference by the number that `place` finds in a point.
  template <typename Place>
  double difference(const ReductionSetup& setup, const Point& point,
                    const std::vector<double>& cotangent, const Place& place) {
    const double step = 1e-5;
    Point moved = point;
    place(moved) += step;
    const double above = objective(setup, moved, cotangent);
    place(moved) -= 2 * step;
    return (above - objective(setup, moved, cotangent)) / (2 * step);
  }

  void expect_differences(const ReductionSetup& setup, const Point& point) {
    ReductionSetup with_constants = setup;
    with_constants.constants = point.constants;
    const DistributedSide rows = distribute(comm_, point.rows);
    const DistributedSide columns = distribute(comm_, point.columns);
    const ReductionResult result = reduce(comm_, with_constants, rows, columns).results.at(0);
    const Index kept = setup.over == axis_j ? point.rows.count : point.columns.count;
    const std::vector<double> cotangent = oracle::random_vector(kept * result.dimension, 77);
    const ReduceGradient gradient =
        reduce_gradient(comm_, with_constants, rows, columns, result,
                        my_part(cotangent, result.dimension), all_names);
    const std::string what = to_text(setup.requests[0].kind) + " of " + setup.formula.text();
    const auto expect = [&](double found, double expected, const std::string& name) {
      EXPECT_NEAR(found, expected, 1e-7 * std::max(1.0, std::abs(expected)))
          << what << " by " << name;
    };
    expect(gradient.parameters.at("s"),
           difference(setup, point, cotangent,
                      [](Point& p) -> double& { return p.constants.parameters.at("s"); }),
           "s");
    for (std::size_t c = 0; c < 3; ++c) {
      expect(gradient.constants.at("u").at(c),
             difference(setup, point, cotangent,
                        [&](Point& p) -> double& { return p.constants.variables.at("u").at(c); }),
             "u");
    }
    for (const std::string name : {"x", "a"}) {
      expect_side(setup, point, cotangent, name, &Point::rows, rows.partition, gradient.rows,
                  expect);
    }
    for (const std::string name : {"y", "b", "v"}) {
      expect_side(setup, point, cotangent, name, &Point::columns, columns.partition,
                  gradient.columns, expect);
    }
  }

  template <typename Expect>
  void expect_side(const ReductionSetup& setup, const Point& point,
                   const std::vector<double>& cotangent, const std::string& name, Side Point::*side,
                   const distribution::BlockPartition& partition,
                   const std::map<std::string, std::vector<double>>& gradients,
                   const Expect& expect) {
    const Cloud& cloud = (point.*side).variables.at(name);
    const std::vector<double>& found = gradients.at(name);
    ASSERT_EQ(std::ssize(found), partition.count(comm_.rank()) * cloud.dimension);
    // The first and the last point; every rank takes part in the differences.
    for (const Index p : {Index{0}, cloud.count - 1}) {
      for (int c = 0; c < cloud.dimension; ++c) {
        const double expected = difference(setup, point, cotangent, [&](Point& moved) -> double& {
          return (moved.*side)
              .variables.at(name)
              .values.at(static_cast<std::size_t>(c * cloud.count + p));
        });
        if (partition.owner(p) != comm_.rank()) continue;
        const Index local = p - partition.begin(comm_.rank());
        expect(found.at(static_cast<std::size_t>(local * cloud.dimension + c)), expected, name);
      }
    }
  }

  Point point_ = {random_rows(7, 3), random_columns(9, 3), test_constants()};
  Communicator comm_ = Communicator::duplicate(MPI_COMM_WORLD);
};

TEST_F(ReduceGradientTest, OfSumsMeansAndNorms) {
  for (const Axes over : {axis_j, axis_i}) {
    for (const ReductionKind kind :
         {ReductionKind::sum, ReductionKind::mean, ReductionKind::norm}) {
      for (const char* text :
           {"exp(-sqdist(x, y) / (2*s^2)) * b + a", "(s*v + a*u) * exp(-sqdist(x, y)) * b"}) {
        expect_differences({formula_of(text, 3), {{kind}}, over}, point_);
      }
    }
  }
}

TEST_F(ReduceGradientTest, OfLogsumexp) {
  for (const Axes over : {axis_j, axis_i}) {
    expect_differences(
        {formula_of("-sqdist(x, y) / s + a*b + dot(u, v)", 3), {{ReductionKind::logsumexp}}, over},
        point_);
    expect_differences(
        {formula_of("v * a - s*sqdist(x, y) + b*u", 3), {{ReductionKind::logsumexp}}, over},
        point_);
  }
}

TEST_F(ReduceGradientTest, OfWeightedLogsumexpAndSoftmaxByFormulaAndWeight) {
  for (const Axes over : {axis_j, axis_i}) {
    for (const char* weight : {"square(b) + s", "square(v + u) + square(a)"}) {
      for (const ReductionKind kind : {ReductionKind::logsumexp, ReductionKind::softmax}) {
        expect_differences(
            {formula_of("-sqdist(x, y) / s + a*b", 3), {{kind, 1, formula_of(weight, 3)}}, over},
            point_);
      }
    }
  }
}

TEST_F(ReduceGradientTest, OfExtremaThroughThePairThatAttainsThem) {
  for (const Axes over : {axis_j, axis_i}) {
    for (const ReductionKind kind : {ReductionKind::min, ReductionKind::max,
                                     ReductionKind::min_argmin, ReductionKind::max_argmax}) {
      expect_differences({formula_of("sqdist(x, y) * s + a*b + dot(u, v)", 3), {{kind}}, over},
                         point_);
      expect_differences({formula_of("v * a * s + u * b + sqdist(x, y)", 3), {{kind}}, over},
                         point_);
    }
  }
}

TEST_F(ReduceGradientTest, MoreRanksThanPoints) {
  const Point small{random_rows(1, 3), random_columns(2, 3), test_constants()};
  for (const Axes over : {axis_j, axis_i}) {
    for (const ReductionKind kind :
         {ReductionKind::sum, ReductionKind::logsumexp, ReductionKind::max}) {
      expect_differences({formula_of("exp(-sqdist(x, y) / s) * b", 3), {{kind}}, over}, small);
    }
  }
}

TEST_F(ReduceGradientTest, RowsWithoutAnyTermHaveNoGradient) {
  const DistributedSide rows = distribute(comm_, point_.rows);
  const DistributedSide columns = distribute(comm_, point_.columns);
  const auto expect_zero = [&](const ReductionSetup& setup) {
    const ReductionResult result = reduce(comm_, setup, rows, columns).results.at(0);
    const std::vector<double> cotangent(result.values.size(), 1.0);
    const ReduceGradient gradient =
        reduce_gradient(comm_, setup, rows, columns, result, cotangent, all_names);
    EXPECT_EQ(gradient.parameters.at("s"), 0.0);
    for (const double value : gradient.rows.at("x")) EXPECT_EQ(value, 0.0);
    for (const double value : gradient.columns.at("y")) EXPECT_EQ(value, 0.0);
    for (const double value : gradient.columns.at("v")) EXPECT_EQ(value, 0.0);
  };
  const Expression nothing = formula_of("where(i < 1000, log(0*b), s*sqdist(x, y))", 3);
  expect_zero({nothing, {{ReductionKind::logsumexp}}, axis_j, test_constants()});
  expect_zero(
      {nothing, {{ReductionKind::softmax, 1, formula_of("v", 3)}}, axis_j, test_constants()});
  expect_zero(
      {formula_of("0*sqdist(x, y)*s*v", 3), {{ReductionKind::norm}}, axis_j, test_constants()});
}

TEST_F(ReduceGradientTest, NamesThatAreNotUsedHaveZeroGradientsOfTheirShape) {
  const DistributedSide rows = distribute(comm_, point_.rows);
  const DistributedSide columns = distribute(comm_, point_.columns);
  const ReductionSetup setup{
      formula_of("a * b", 3), {{ReductionKind::sum}}, axis_j, test_constants()};
  const ReductionResult result = reduce(comm_, setup, rows, columns).results.at(0);
  const ReduceGradient gradient =
      reduce_gradient(comm_, setup, rows, columns, result, result.values, all_names);
  EXPECT_EQ(gradient.parameters.at("s"), 0.0);
  EXPECT_EQ(gradient.constants.at("u"), std::vector<double>(3, 0.0));
  EXPECT_EQ(std::ssize(gradient.rows.at("x")), 3 * rows.local.count);
  EXPECT_EQ(std::ssize(gradient.columns.at("v")), 3 * columns.local.count);
}

TEST_F(ReduceGradientTest, WhatHasNoGradientIsRefusedOnEveryRank) {
  const DistributedSide rows = distribute(comm_, point_.rows);
  const DistributedSide columns = distribute(comm_, point_.columns);
  ReductionSetup setup{
      formula_of("a * b", 3), {{ReductionKind::kmin, 2, {}}}, axis_j, test_constants()};
  ReductionResult result = reduce(comm_, setup, rows, columns).results.at(0);
  EXPECT_FALSE(is_differentiable(ReductionKind::kmin));
  EXPECT_THROW(reduce_gradient(comm_, setup, rows, columns, result, result.values, {"x"}),
               core::ConfigurationError);
  setup.requests = {{ReductionKind::sum}};
  result = reduce(comm_, setup, rows, columns).results.at(0);
  EXPECT_THROW(reduce_gradient(comm_, setup, rows, columns, result, result.values, {"missing"}),
               core::ConfigurationError);
  std::vector<double> cotangent = result.values;
  if (comm_.is_root()) cotangent.push_back(1);
  EXPECT_THROW(reduce_gradient(comm_, setup, rows, columns, result, cotangent, {"x"}),
               core::ShapeError);
}

}  // namespace
}  // namespace kronwerk::kernels
