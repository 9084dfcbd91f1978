#include "kronwerk/kernels/reductions/reduction.hpp"

#include "kernels/reductions/reduction_case.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::kernels {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

TEST(Reduction, AgreesWithDenseEvaluationForEverySizeAndDimension) {
  for_every_target([](const char* target) {
    for (const int dimension : {1, 3, 7, 50}) {
      const NodePtr x = variable("x", dimension, axis_i);
      const NodePtr y = variable("y", dimension, axis_j);
      const NodePtr root = of(Operation::subtract, {gaussian(x, y), number(0.25)});
      for (const auto& [m, n] : std::vector<std::pair<Index, Index>>{
               {1, 1}, {1, 500}, {5, 1}, {3, 17}, {30, 41}, {7, 1201}}) {
        SCOPED_TRACE(std::string(target) + " " + std::to_string(dimension) + ": " +
                     std::to_string(m) + " x " + std::to_string(n));
        ReductionCase test{root, points("x", m, dimension, 1), points("y", n, dimension, 2, 1000)};
        test.cuts = {n / 3, n / 3, n / 2};
        expect_reductions(test);
        test.order = {3, 1, 0, 2};
        expect_reductions(test);
        test.precision = Precision::float32;
        test.tolerance = 1e-5;
        expect_reductions(test);
      }
    }
  });
}

TEST(Reduction, AgreesWithDenseEvaluationAt300By500) {
  const NodePtr x = variable("x", 3, axis_i);
  const NodePtr y = variable("y", 3, axis_j);
  ReductionCase test{gaussian(x, y), points("x", 300, 3, 1), points("y", 500, 3, 2)};
  test.k = 13;
  expect_reductions(test);
}

TEST(Reduction, ReducesEveryComponentOfAVectorFormula) {
  const NodePtr x = variable("x", 3, axis_i);
  const NodePtr y = variable("y", 3, axis_j);
  const NodePtr b = variable("b", 5, axis_j);
  Side columns = points("y", 77, 3, 2);
  columns.variables["b"] = random_cloud(77, 5, 3);
  for_every_target([&](const char* target) {
    SCOPED_TRACE(target);
    const Side rows = points("x", 10, 3, 1);
    expect_reductions({of(Operation::subtract, {x, y}), rows, columns});
    expect_reductions({of(Operation::multiply, {gaussian(x, y), b}), rows, columns});
    expect_reductions({b, rows, columns});
    expect_reductions({x, rows, columns});
  });
}

TEST(Reduction, MultipliesByManyColumnsThatAreNotFinite) {
  const NodePtr x = variable("x", 3, axis_i);
  const NodePtr y = variable("y", 3, axis_j);
  const NodePtr b = variable("b", 6, axis_j);
  for (const Index n : {1, 13, 530}) {
    Side columns = points("y", n, 3, 2);
    columns.variables["b"] = random_cloud(n, 6, 3);
    columns.variables["b"].values[static_cast<std::size_t>(n - 1)] = infinity;
    columns.variables["b"].values[static_cast<std::size_t>(2 * n - 1)] = nan;
    for_every_target([&](const char* target) {
      SCOPED_TRACE(target);
      ReductionCase test{of(Operation::multiply, {b, gaussian(x, y)}), points("x", 10, 3, 1),
                         columns};
      expect_reductions(test);
      test.precision = Precision::float32;
      test.tolerance = 1e-5;
      expect_reductions(test);
    });
  }
}

TEST(Reduction, GivesTiesToTheLowestIndexInWhateverOrderBlocksArrive) {
  const NodePtr x = variable("x", 1, axis_i);
  const NodePtr y = variable("y", 1, axis_j);
  Side columns = points("y", 200, 1, 2);
  for (std::size_t j = 0; j < 200; ++j) {
    columns.variables["y"].values[j] = static_cast<double>(j * 7 % 5);
  }
  for_every_target([&](const char* target) {
    SCOPED_TRACE(target);
    ReductionCase test{of(Operation::multiply, {x, y}), points("x", 6, 1, 1), columns};
    test.k = 60;
    test.cuts = {31, 64, 130};
    for (const std::vector<std::size_t>& order :
         {std::vector<std::size_t>{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 3, 0, 1}}) {
      test.order = order;
      test.precision = Precision::float64;
      expect_reductions(test);
      test.precision = Precision::float32;
      test.tolerance = 1e-5;
      expect_reductions(test);
    }
  });
}

TEST(Reduction, HandlesNaNAndInfinities) {
  const NodePtr x = variable("x", 1, axis_i);
  const NodePtr y = variable("y", 1, axis_j);
  const NodePtr root = of(Operation::add, {x, y});
  Side rows = points("x", 9, 1, 1);
  rows.variables["x"].values = {0, 1, infinity, -infinity, nan, 2, 800, -800, 0.5};
  const auto with = [](Index count, std::vector<std::pair<Index, double>> special) {
    Side columns = points("y", count, 1, 2);
    for (const auto& [at, value] : special) {
      columns.variables["y"].values[static_cast<std::size_t>(at)] = value;
    }
    return columns;
  };
  for_every_target([&](const char* target) {
    SCOPED_TRACE(target);
    std::vector<Side> cases{
        with(50, {{3, nan}, {20, nan}}),
        with(50, {{0, -infinity}, {1, -infinity}, {49, -infinity}}),
        with(50, {{7, infinity}}),
        with(50, {{7, infinity}, {8, -infinity}}),
        with(50, {{0, -2000}, {10, 0}, {20, 2000}, {30, 5000}}),
        with(3, {{0, -infinity}, {1, -infinity}, {2, -infinity}}),
        with(2, {{0, nan}, {1, nan}}),
    };
    for (std::size_t c = 0; c < cases.size(); ++c) {
      SCOPED_TRACE("case " + std::to_string(c));
      ReductionCase test{root, rows, cases[c]};
      expect_reductions(test);
      test.cuts = {1};
      test.order = {1, 0};
      expect_reductions(test);
      test.precision = Precision::float32;
      test.tolerance = 1e-5;
      expect_reductions(test);
    }
  });
}

TEST(Reduction, OfNoColumnsOrRows) {
  const NodePtr root = of(Operation::add, {variable("x", 1, axis_i), variable("y", 1, axis_j)});
  for (const Precision precision : {Precision::float64, Precision::float32}) {
    LocalReduction reduction(Expression(root), {}, precision, all_requests(2),
                             points("x", 2, 1, 1));
    reduction.add(points("y", 0, 1, 2));
    const auto results = reduction.finish();
    EXPECT_EQ(results[0].values, (std::vector<double>{0, 0}));
    EXPECT_TRUE(std::isnan(results[1].values[0]));
    EXPECT_EQ(results[2].values[1], 0);
    EXPECT_EQ(results[4].values[1], 0);
    EXPECT_EQ(results[5].values[1], 1);
    EXPECT_EQ(results[6].values, (std::vector<double>{-infinity, -infinity}));
    EXPECT_EQ(results[7].values, (std::vector<double>{infinity, infinity}));
    EXPECT_EQ(results[8].values, (std::vector<double>{-infinity, -infinity}));
    EXPECT_EQ(results[9].indices, (std::vector<std::int64_t>{-1, -1}));
    EXPECT_EQ(results[15].indices, (std::vector<std::int64_t>{-1, -1, -1, -1}));

    LocalReduction empty(Expression(root), {}, precision, all_requests(2), points("x", 0, 1, 1));
    empty.add(points("y", 5, 1, 2));
    for (const auto& result : empty.finish()) {
      EXPECT_EQ(result.rows, 0);
      EXPECT_TRUE(result.values.empty());
      EXPECT_TRUE(result.indices.empty());
    }
  }
}

// log sum w exp(F) and sum w exp(F) / sum exp(F) for weights of every kind.
TEST(Reduction, WeightsExponentials) {
  const NodePtr x = variable("x", 1, axis_i);
  const NodePtr y = variable("y", 1, axis_j);
  const NodePtr root = of(Operation::multiply, {number(30), of(Operation::multiply, {x, y})});
  const NodePtr w = variable("w", 3, axis_j);
  const std::vector<NodePtr> weights{of(Operation::abs, {y}), of(Operation::abs, {w}), number(2.5),
                                     of(Operation::abs, {x}),
                                     of(Operation::abs, {of(Operation::subtract, {w, x})})};
  const Side rows = points("x", 7, 1, 1);
  Side columns = points("y", 75, 1, 2);
  columns.variables["w"] = random_cloud(75, 3, 3);
  for_every_target([&](const char* target) {
    for (std::size_t which = 0; which < weights.size(); ++which) {
      SCOPED_TRACE(std::string(target) + " weight " + std::to_string(which));
      const Expression weight(weights[which]);
      const auto f = reference_matrix(Expression(root), rows, columns);
      const auto factors = reference_matrix(weight, rows, columns);
      const auto dimension = static_cast<std::size_t>(weight.dimension());
      for (const Precision precision : {Precision::float64, Precision::float32}) {
        const std::vector<ReductionRequest> requests{{ReductionKind::logsumexp, 1, weight},
                                                     {ReductionKind::softmax, 1, weight},
                                                     {ReductionKind::logsumexp, 1, {}},
                                                     {ReductionKind::sum, 1, {}}};
        LocalReduction reduction(Expression(root), {}, precision, requests, rows);
        reduction.add(part(columns, 40, 75));
        reduction.add(part(columns, 0, 40));
        const auto results = reduction.finish();
        const double tolerance = precision == Precision::float64 ? 1e-12 : 2e-5;
        for (std::size_t i = 0; i < 7; ++i) {
          for (std::size_t c = 0; c < dimension; ++c) {
            long double total = 0;
            long double weighted = 0;
            for (std::size_t j = 0; j < 75; ++j) {
              const long double e = std::exp(static_cast<long double>(f[i * 75 + j]));
              total += e;
              weighted += e * factors[(i * 75 + j) * dimension + c];
            }
            EXPECT_NEAR(results[0].values[i * dimension + c],
                        static_cast<double>(std::log(weighted)), tolerance * 30);
            EXPECT_NEAR(results[1].values[i * dimension + c], static_cast<double>(weighted / total),
                        tolerance);
            EXPECT_NEAR(results[2].values[i], static_cast<double>(std::log(total)), tolerance * 30);
          }
        }
      }
    }
  });
}

TEST(Reduction, LogOfANegativeSumIsNaN) {
  const NodePtr x = variable("x", 1, axis_i);
  const NodePtr y = variable("y", 1, axis_j);
  LocalReduction reduction(Expression(of(Operation::add, {x, y})), {}, Precision::float64,
                           {{ReductionKind::logsumexp, 1, Expression(number(-1))}},
                           points("x", 3, 1, 1));
  reduction.add(points("y", 5, 1, 2));
  const auto results = reduction.finish();
  for (const double value : results[0].values) EXPECT_TRUE(std::isnan(value)) << value;
}

TEST(Reduction, OfSomeRowsOnly) {
  const NodePtr x = variable("x", 2, axis_i);
  const NodePtr y = variable("y", 2, axis_j);
  const Expression formula(sqdist(x, y));
  const Side rows = points("x", 23, 2, 1);
  const Side columns = points("y", 60, 2, 2);
  const auto own = reference_matrix(formula, rows, columns);
  LocalReduction reduction(
      formula, {}, Precision::float64,
      {{ReductionKind::sum, 1, {}}, {ReductionKind::mean, 1, {}}, {ReductionKind::argmin, 1, {}}},
      rows);
  reduction.add(part(columns, 0, 30), 2, 9);
  reduction.add(part(columns, 30, 60), 6, 7);
  reduction.add(part(columns, 30, 60), 13, 23);
  const auto results = reduction.finish();
  for (Index i = 0; i < 23; ++i) {
    std::vector<Index> seen;
    if (i >= 2 && i < 9)
      for (Index j = 0; j < 30; ++j) seen.push_back(j);
    if (i == 6 || i >= 13)
      for (Index j = 30; j < 60; ++j) seen.push_back(j);
    double sum = 0;
    std::int64_t least = -1;
    const auto value = [&](Index j) { return own[static_cast<std::size_t>(i * 60 + j)]; };
    for (const Index j : seen) {
      sum += value(j);
      if (least < 0 || value(j) < value(least)) least = j;
    }
    const auto at = static_cast<std::size_t>(i);
    EXPECT_NEAR(results[0].values[at], sum, 1e-12 * (1 + sum)) << i;
    EXPECT_EQ(results[2].indices[at], least) << i;
    if (!seen.empty()) {
      EXPECT_NEAR(results[1].values[at], sum / static_cast<double>(seen.size()), 1e-12) << i;
    }
  }
  EXPECT_THROW(reduction.add(columns, 0, 24), core::InternalError);
}

TEST(Reduction, AddsTenMillionFloatsToAMillionth) {
  const NodePtr x = variable("x", 1, axis_i);
  const NodePtr y = variable("y", 1, axis_j);
  const Index count = 10'000'000;
  Side rows = points("x", 1, 1, 1);
  rows.variables["x"].values[0] = 0;
  const Side columns = side(
      count, {{"y", Cloud{1, count, std::vector<double>(static_cast<std::size_t>(count), 0.1)}}});
  LocalReduction reduction(Expression(of(Operation::add, {x, y})), {}, Precision::float32,
                           {{ReductionKind::sum, 1, {}}}, rows);
  reduction.add(columns);
  const double expected = 1e7 * static_cast<double>(0.1F);
  EXPECT_NEAR(reduction.finish()[0].values[0], expected, 1e-6 * expected);
}

TEST(Reduction, KeepsLongLists) {
  const NodePtr x = variable("x", 1, axis_i);
  const NodePtr y = variable("y", 1, axis_j);
  ReductionCase test{of(Operation::multiply, {x, y}), points("x", 3, 1, 1),
                     points("y", 3000, 1, 2)};
  test.k = 1024;
  test.cuts = {900, 1900};
  test.order = {2, 0, 1};
  expect_reductions(test);
}

TEST(Reduction, HasANameForEveryKind) {
  for (const std::string& name : reduction_names()) {
    const auto kind = find_reduction(name);
    ASSERT_TRUE(kind.has_value());
    EXPECT_EQ(to_text(*kind), name);
    EXPECT_TRUE(gives_values(*kind) || gives_indices(*kind));
    EXPECT_EQ(gives_indices(*kind), name.find("arg") != std::string::npos);
  }
  EXPECT_EQ(reduction_names().size(), 20U);
  EXPECT_FALSE(find_reduction("median").has_value());
}

TEST(Reduction, RefusesWeightsWhereThereIsNoPlaceForThem) {
  const NodePtr x = variable("x", 2, axis_i);
  const NodePtr y = variable("y", 2, axis_j);
  const Side rows = points("x", 3, 2, 1);
  const Expression vector(of(Operation::add, {x, y}));
  const Expression scalar(sqdist(x, y));
  const Expression weight(number(1));
  const auto reduce = [&](const Expression& formula, ReductionRequest request) {
    LocalReduction(formula, {}, Precision::float64, {std::move(request)}, rows);
  };
  EXPECT_THROW(reduce(vector, {ReductionKind::softmax, 1, weight}), core::ShapeError);
  EXPECT_THROW(reduce(scalar, {ReductionKind::sum, 1, weight}), core::ShapeError);
  EXPECT_THROW(reduce(scalar, {ReductionKind::softmax, 1, {}}), core::ShapeError);
}

}  // namespace
}  // namespace kronwerk::kernels
