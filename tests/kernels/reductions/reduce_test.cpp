#include "kronwerk/kernels/reductions/reduce.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "kernels/reductions/distributed_reduction.hpp"

namespace kronwerk::kernels {
namespace {

using communication::Communicator;

struct Sizes {
  Index rows;
  Index columns;
  int dimension;
};

class ReduceTest : public testing::TestWithParam<Sizes> {
 protected:
  void expect_dense(const ReductionSetup& setup, double tolerance = 1e-12) {
    const DistributedSide my_rows = distribute(comm_, rows_);
    const DistributedSide my_columns = distribute(comm_, columns_);
    for (const Spread spread : {Spread::kept_axis, Spread::reduced_axis}) {
      const ReduceOutcome outcome = reduce(comm_, setup, my_rows, my_columns, spread);
      EXPECT_EQ(outcome.spread, spread);
      ASSERT_EQ(outcome.results.size(), setup.requests.size());
      for (std::size_t r = 0; r < setup.requests.size(); ++r) {
        expect_results_near(outcome.results[r],
                            dense_part(comm_, setup, setup.requests[r], rows_, columns_), tolerance,
                            to_text(setup.requests[r].kind) + " of " + setup.formula.text());
      }
    }
  }

  Expression formula(const std::string& text) const {
    return formula_of(text, GetParam().dimension);
  }
  Index reduced(Axes over) const { return over == axis_j ? columns_.count : rows_.count; }

  Communicator comm_ = Communicator::duplicate(MPI_COMM_WORLD);
  Side rows_ = random_rows(GetParam().rows, GetParam().dimension);
  Side columns_ = random_columns(GetParam().columns, GetParam().dimension);
};

TEST_P(ReduceTest, ReductionsToValuesAreThoseOfTheDenseMatrix) {
  for (const Axes over : {axis_j, axis_i}) {
    for (const char* text :
         {"exp(-sqdist(x, y) / (2*s^2)) * b - a", "(u + a*v) * sqdist(x, y)", "b > a", "b"}) {
      ReductionSetup setup{formula(text), {}, over, test_constants()};
      for (const ReductionKind kind :
           {ReductionKind::sum, ReductionKind::mean, ReductionKind::norm, ReductionKind::count,
            ReductionKind::any, ReductionKind::all, ReductionKind::logsumexp, ReductionKind::min,
            ReductionKind::max}) {
        setup.requests.push_back({kind});
      }
      expect_dense(setup);
    }
  }
}

TEST_P(ReduceTest, WeightsMayBeScalarsAndVectors) {
  for (const Axes over : {axis_j, axis_i}) {
    const ReductionSetup setup{formula("5 * a * b - sqdist(x, y)"),
                               {{ReductionKind::logsumexp, 1, formula("square(b) + 0.1")},
                                {ReductionKind::logsumexp, 1, formula("square(v) + a + 1.5")},
                                {ReductionKind::softmax, 1, formula("b")},
                                {ReductionKind::softmax, 1, formula("a * v")},
                                {ReductionKind::logsumexp}},
                               over,
                               test_constants()};
    expect_dense(setup);
  }
}

TEST_P(ReduceTest, IndicesAreExactAndTheLowestWinsTies) {
  for (const Axes over : {axis_j, axis_i}) {
    for (const char* text : {"round(2*a) * round(2*b)", "round(v + a)", "0*a", "a - b"}) {
      ReductionSetup setup{formula(text), {}, over, test_constants()};
      for (const ReductionKind kind : {ReductionKind::argmin, ReductionKind::argmax,
                                       ReductionKind::min_argmin, ReductionKind::max_argmax}) {
        setup.requests.push_back({kind});
      }
      for (const ReductionKind kind :
           {ReductionKind::kmin, ReductionKind::argkmin, ReductionKind::kmin_argkmin,
            ReductionKind::kmax, ReductionKind::argkmax, ReductionKind::kmax_argkmax}) {
        for (const Index k : {1, 4}) {
          if (k <= reduced(over)) setup.requests.push_back({kind, k, {}});
        }
      }
      expect_dense(setup);
    }
  }
}

TEST_P(ReduceTest, InfiniteEntriesAndMasksAreEntriesLikeOthers) {
  for (const Axes over : {axis_j, axis_i}) {
    ReductionSetup setup{formula("log(b > 0.3) * (1 + 0*a)"), {}, over, test_constants()};
    for (const ReductionKind kind :
         {ReductionKind::logsumexp, ReductionKind::min_argmin, ReductionKind::max_argmax}) {
      setup.requests.push_back({kind});
    }
    setup.requests.push_back({ReductionKind::logsumexp, 1, formula("v + 1.5")});
    expect_dense(setup);
    // Nothing but a mask, on some ranks or on all.
    setup.formula = formula("where(i == j, 1.5, log(0*b))");
    expect_dense(setup);
    setup.formula = formula("where(i == j + 1000, 1.5, log(0*b))");
    expect_dense(setup);
  }
}

TEST_P(ReduceTest, Float32IsNearTheDenseMatrix) {
  ReductionSetup setup{formula("exp(-sqdist(x, y))"),
                       {{ReductionKind::sum}, {ReductionKind::logsumexp}, {ReductionKind::max}},
                       axis_j,
                       test_constants(),
                       Precision::float32};
  expect_dense(setup, 1e-5);
}

TEST_P(ReduceTest, NanIsLeftOutAndCountedOverAllRanks) {
  const Index nans = std::min<Index>(2, columns_.count);
  for (Index j = 0; j < nans; ++j) {
    columns_.variables.at("b").values[static_cast<std::size_t>(columns_.count - 1 - j)] =
        std::numeric_limits<double>::quiet_NaN();
  }
  const ReductionSetup setup{formula("a * b"),
                             {{ReductionKind::min_argmin}, {ReductionKind::argmax}},
                             axis_j,
                             test_constants()};
  expect_dense(setup);
  for (const Spread spread : {Spread::kept_axis, Spread::reduced_axis}) {
    EXPECT_EQ(reduce(comm_, setup, distribute(comm_, rows_), distribute(comm_, columns_), spread)
                  .nan_count,
              nans * rows_.count);
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, ReduceTest,
                         testing::Values(Sizes{7, 11, 3}, Sizes{1, 13, 2}, Sizes{13, 1, 1},
                                         Sizes{2, 3, 1}, Sizes{0, 5, 2}, Sizes{5, 0, 2},
                                         Sizes{37, 53, 7}),
                         [](const auto& sizes) {
                           return std::to_string(sizes.param.rows) + "x" +
                                  std::to_string(sizes.param.columns) + "in" +
                                  std::to_string(sizes.param.dimension);
                         });

TEST(Reduce, ManyRowsAreWorkedOnInPieces) {
  const Communicator comm = Communicator::duplicate(MPI_COMM_WORLD);
  const Side rows = random_rows(1531, 2);
  const Side columns = random_columns(17, 2);
  const ReductionSetup setup{
      formula_of("sqdist(x, y) * b", 2),
      {{ReductionKind::sum}, {ReductionKind::mean}, {ReductionKind::argmin}}};
  const ReduceOutcome outcome =
      reduce(comm, setup, distribute(comm, rows), distribute(comm, columns), Spread::kept_axis);
  for (std::size_t r = 0; r < setup.requests.size(); ++r) {
    expect_results_near(outcome.results[r],
                        dense_part(comm, setup, setup.requests[r], rows, columns), 1e-12,
                        to_text(setup.requests[r].kind));
  }
}

TEST(Reduce, TheAxisThatKeepsAllRanksBusyIsSpread) {
  EXPECT_EQ(choose_spread(1, 1'000'000, 2, 4), Spread::reduced_axis);
  EXPECT_EQ(choose_spread(5, 1'000'000, 2, 4), Spread::reduced_axis);
  EXPECT_EQ(choose_spread(1, 1'000'000, 2, 1), Spread::kept_axis);
  EXPECT_EQ(choose_spread(100'000, 100'000, 2, 4), Spread::kept_axis);
  EXPECT_EQ(choose_spread(10, 10, 2, 2), Spread::kept_axis);
  EXPECT_EQ(choose_spread(0, 1000, 2, 2), Spread::kept_axis);
  // A kept side that does not fit every rank.
  EXPECT_EQ(choose_spread(10'000'001, 100'000'000, 8, 10'000'000), Spread::kept_axis);
}

TEST(Reduce, FewResultsOfManyTermsAreCombinedWithoutBeingAsked) {
  const Communicator comm = Communicator::duplicate(MPI_COMM_WORLD);
  const Side rows = random_rows(1, 3);
  const Side columns = random_columns(100'000, 3);
  const ReductionSetup setup{formula_of("a * b", 3), {{ReductionKind::sum}}};
  const ReduceOutcome outcome =
      reduce(comm, setup, distribute(comm, rows), distribute(comm, columns));
  EXPECT_EQ(outcome.spread, comm.size() == 1 ? Spread::kept_axis : Spread::reduced_axis);
  long double sum = 0;
  for (const double b : columns.variables.at("b").values) sum += b;
  if (!comm.is_root()) return;
  EXPECT_NEAR(outcome.results[0].values.at(0),
              static_cast<double>(sum * rows.variables.at("a").values[0]), 1e-11);
}

TEST(Reduce, WhatCannotBeAskedIsRefusedOnEveryRank) {
  const Communicator comm = Communicator::duplicate(MPI_COMM_WORLD);
  const DistributedSide rows = distribute(comm, random_rows(4, 2));
  const DistributedSide columns = distribute(comm, random_columns(6, 2));
  const auto refuse = [&](const std::string& formula, const ReductionRequest& request, Axes over) {
    const ReductionSetup setup{formula_of(formula, 2), {request}, over, test_constants()};
    EXPECT_THROW(reduce(comm, setup, rows, columns), core::ConfigurationError);
  };
  refuse("a*b", {ReductionKind::kmin, 7, {}}, axis_j);
  refuse("a*b", {ReductionKind::kmin, 5, {}}, axis_i);
  refuse("a*b", {ReductionKind::kmax, 0, {}}, axis_j);
  refuse("a*b", {ReductionKind::softmax}, axis_j);
  refuse("a*b", {ReductionKind::sum, 1, formula_of("b", 2)}, axis_j);
  refuse("a*v", {ReductionKind::logsumexp, 1, formula_of("b", 2)}, axis_j);
}

TEST(Reduce, AFailureOnOneRankIsEverybodys) {
  const Communicator comm = Communicator::duplicate(MPI_COMM_WORLD);
  for (const Spread spread : {Spread::kept_axis, Spread::reduced_axis}) {
    for (const bool of_rows : {true, false}) {
      DistributedSide rows = distribute(comm, random_rows(9, 2));
      DistributedSide columns = distribute(comm, random_columns(6, 2));
      if (comm.rank() == comm.size() - 1) {
        (of_rows ? rows : columns).local.variables.erase(of_rows ? "x" : "b");
      }
      const ReductionSetup setup{formula_of("sqdist(x, y) * b", 2), {{ReductionKind::sum}}};
      EXPECT_THROW(reduce(comm, setup, rows, columns, spread), core::ShapeError);
    }
  }
}

}  // namespace
}  // namespace kronwerk::kernels
