#include "kronwerk/kernels/reductions/centring.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/reductions/distributed_reduction.hpp"
#include "kronwerk/kernels/reductions/reduce_gradient.hpp"

namespace kronwerk::kernels {
namespace {

using Names = std::set<std::string>;

Expression formula_from(const std::string& text, int dimension = 2) {
  Symbols symbols;
  symbols.variables = {{"x", {dimension, axis_i}},
                       {"y", {dimension, axis_j}},
                       {"t", {1, axis_i}},
                       {"u", {1, axis_j}},
                       {"w", {dimension, no_axis}}};
  symbols.parameters = {"p"};
  return analyse(text, symbols, "test");
}

Translations translations_of(const std::string& text) {
  const Expression formula = formula_from(text);
  return find_translations(std::span(&formula, 1));
}

TEST(Centring, FindsVariablesThatOccurInDifferencesOnly) {
  for (const std::string text : {"exp(-sqdist(x, y)/p)", "norm(x - y)", "sum(square((x - y)/w))",
                                 "dot(x - y, x - y)", "elem(x, 1) - elem(y, 1)", "norm(p*x - p*y)",
                                 "where(elem(x, 0) < elem(y, 0), 1, 2)", "exp(-norm(x - y))*t*u"}) {
    const auto found = translations_of(text);
    ASSERT_EQ(found.movable.size(), 1U) << text;
    EXPECT_EQ(found.movable[0], (Names{"x", "y"})) << text;
    EXPECT_TRUE(found.fixed.empty()) << text;
  }
  const auto two = translations_of("exp(-sqdist(x, y))*exp(-abs(t - u))");
  EXPECT_EQ(two.movable.size(), 2U);
  const auto constant = translations_of("sqdist(x, w) + sqdist(y, w)");
  ASSERT_EQ(constant.movable.size(), 1U);
  EXPECT_EQ(constant.movable[0], (Names{"w", "x", "y"}));
}

TEST(Centring, LeavesProductsNormsAndOtherComponentsAlone) {
  for (const std::string text :
       {"dot(x, y) + sqdist(x, y)", "norm(x)*norm(x - y)", "sqdist(x, y) + elem(x, 0)",
        "elem(x, 0) - elem(y, 1)", "norm(x - 2*y)", "norm(x - y)*exp(elem(y, 1))"}) {
    const auto found = translations_of(text);
    EXPECT_TRUE(found.movable.empty()) << text;
  }
  EXPECT_TRUE(translations_of("dot(x, y)").fixed.empty());
  ASSERT_EQ(translations_of("norm(x)*norm(x - y)").fixed.size(), 1U);
}

class CentringTest : public testing::Test {
 protected:
  /// Metres in a projection: tens of kilometres wide, thousands away from 0.
  static Side points(const std::string& name, Index count, double from, double seed) {
    Cloud cloud{2, count, {}};
    for (int c = 0; c < 2; ++c) {
      for (Index p = 0; p < count; ++p) {
        cloud.values.push_back(from * (c + 1) +
                               1e2 * std::sin(seed + 1.3 * static_cast<double>(p * (c + 2))));
      }
    }
    return {0, count, {{name, cloud}}};
  }
  communication::Communicator comm_ = communication::Communicator::duplicate(MPI_COMM_WORLD);
};

TEST_F(CentringTest, MakesFloat32AsGoodFarFromZeroAsNear) {
  const Side rows = points("x", 40, 2.5e6, 0.1);
  const Side columns = points("y", 70, 2.5e6, 0.7);
  Expression formula = formula_from("exp(-norm(x - y)/p)");
  ReductionSetup setup{formula, {{ReductionKind::sum}}, axis_j, {{{"p", 30.0}}, {}}};
  const auto values = [&](Precision precision, bool centred) {
    setup.precision = precision;
    DistributedSide my_rows = distribute(comm_, rows);
    DistributedSide my_columns = distribute(comm_, columns);
    Constants constants = setup.constants;
    if (centred) {
      const auto losses =
          centre(comm_, find_translations(std::span(&formula, 1)), my_rows, my_columns, constants);
      EXPECT_TRUE(losses.empty());
    }
    const auto result = reduce(comm_, setup, my_rows, my_columns).results.at(0);
    const std::vector<double> ones(result.values.size(), 1.0);
    auto gradient = reduce_gradient(comm_, setup, my_rows, my_columns, result, ones, {"x", "p"});
    std::vector<double> all = result.values;
    const auto& by_points = gradient.rows.at("x");
    all.insert(all.end(), by_points.begin(), by_points.end());
    all.push_back(gradient.parameters.at("p"));
    return all;
  };
  const auto exact = values(Precision::float64, false);
  const auto worst = [&](const std::vector<double>& found) {
    double error = 0;
    for (std::size_t v = 0; v < exact.size(); ++v) {
      error = std::max(error, std::abs(found[v] - exact[v]));
    }
    return comm_.max(error);
  };
  EXPECT_GT(worst(values(Precision::float32, false)), 1e-2);
  EXPECT_LT(worst(values(Precision::float32, true)), 1e-4);
}

TEST_F(CentringTest, MovesBothSidesByOneVectorOnEveryRank) {
  const Side rows = points("x", 5, 1e7, 0.1);
  const Side columns = points("y", 9, 1e7, 0.7);
  DistributedSide my_rows = distribute(comm_, rows);
  DistributedSide my_columns = distribute(comm_, columns);
  Constants constants;
  const Expression formula = formula_from("sqdist(x, y)");
  centre(comm_, find_translations(std::span(&formula, 1)), my_rows, my_columns, constants);
  const auto moved = [](const DistributedSide& side, const Side& whole, const std::string& name,
                        int c) {
    const Cloud& mine = side.local.variables.at(name);
    const Cloud& all = whole.variables.at(name);
    std::vector<double> by;
    for (Index p = 0; p < mine.count; ++p) {
      by.push_back(all.values[static_cast<std::size_t>(c * all.count + side.local.first + p)] -
                   mine.values[static_cast<std::size_t>(c * mine.count + p)]);
    }
    return by;
  };
  for (int c = 0; c < 2; ++c) {
    const double expected = comm_.max([&] {
      const auto by = moved(my_rows, rows, "x", c);
      return by.empty() ? 0.0 : by[0];
    }());
    EXPECT_NEAR(expected, 1e7 * (c + 1), 100);
    for (const double by : moved(my_rows, rows, "x", c)) EXPECT_NEAR(by, expected, 1e-8);
    for (const double by : moved(my_columns, columns, "y", c)) EXPECT_NEAR(by, expected, 1e-8);
  }
}

TEST_F(CentringTest, PointsNearZeroAndInfiniteOnesStayWhereTheyAre) {
  Side rows = points("x", 5, 10, 0.1);
  Side columns = points("y", 6, 10, 0.7);
  Constants constants;
  const Expression formula = formula_from("sqdist(x, y)");
  const auto translations = find_translations(std::span(&formula, 1));
  const auto before = rows.variables.at("x").values;
  EXPECT_TRUE(centre(translations, rows, columns, constants).empty());
  EXPECT_EQ(rows.variables.at("x").values, before);
  Side far = points("x", 5, 1e9, 0.1);
  far.variables.at("x").values[0] = HUGE_VAL;
  Side other = points("y", 6, 1e9, 0.7);
  centre(translations, far, other, constants);
  EXPECT_EQ(far.variables.at("x").values[0], HUGE_VAL);
  EXPECT_LT(std::abs(far.variables.at("x").values[1]), 1e3);
}

TEST_F(CentringTest, NamesWhatCannotBeMovedAndLosesTooMuch) {
  Side rows = points("x", 5, 1e7, 0.1);
  Side columns = points("y", 6, 1e7, 0.7);
  Constants constants;
  const Expression formula = formula_from("norm(x)*norm(x - y)");
  const auto translations = find_translations(std::span(&formula, 1));
  const auto losses = centre(translations, rows, columns, constants);
  ASSERT_EQ(losses.size(), 1U);
  EXPECT_EQ(losses[0].variables, (Names{"x", "y"}));
  EXPECT_NEAR(losses[0].loss, 2e7 / 200 / (1 << 24), 2e-3);
  EXPECT_TRUE(centre(translations, rows, columns, constants, 0.1).empty());
}

}  // namespace
}  // namespace kronwerk::kernels
