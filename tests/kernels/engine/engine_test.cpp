#include <gtest/gtest.h>

#include <limits>

#include "kernels/formula/node_trees.hpp"
#include "kernels/formula/reference.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::kernels {
namespace {

using namespace trees;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::vector<double> matrix_of(const Expression& formula, const Side& rows, const Side& columns,
                              Precision precision, const Constants& constants = {}) {
  std::vector<double> out(static_cast<std::size_t>(rows.count * columns.count), -7.0);
  evaluate(Program(formula, constants, precision), rows, columns, out, columns.count);
  return out;
}

// Every component of the formula against the reference, in both precisions.
void expect_reference(const NodePtr& root, const Side& rows, const Side& columns,
                      const Constants& constants = {}, double float_tolerance = 1e-5,
                      double float_floor = 0.1) {
  const std::vector<double> expected = reference_matrix(Expression(root), rows, columns, constants);
  const auto dimension = static_cast<std::size_t>(root->dimension);
  for (std::size_t c = 0; c < dimension; ++c) {
    const Expression formula(
        dimension == 1 ? root : node(Operation::slice, {root}, 1, 0, static_cast<int>(c)));
    for (const Precision precision : {Precision::float64, Precision::float32}) {
      const bool doubles = precision == Precision::float64;
      const auto found = matrix_of(formula, rows, columns, precision, constants);
      int wrong = 0;
      for (std::size_t p = 0; p < found.size() && wrong < 3; ++p) {
        const double right = expected[p * dimension + c];
        const bool same = doubles ? agree(found[p], right, 1e-12)
                                  : agree(found[p], right, float_tolerance, float_floor);
        if (!same) {
          ++wrong;
          const auto columns_count = static_cast<std::size_t>(columns.count);
          ADD_FAILURE() << (doubles ? "float64" : "float32") << " component " << c << " at ("
                        << p / columns_count << ", " << p % columns_count << "): " << found[p]
                        << " instead of " << right;
        }
      }
    }
  }
}

const NodePtr x = variable("x", 1, axis_i);
const NodePtr y = variable("y", 1, axis_j);

Side rows_with(std::vector<double> values) {
  const auto count = static_cast<Index>(values.size());
  return side(count, {{"x", Cloud{1, count, std::move(values)}}});
}
Side columns_with(std::vector<double> values) {
  const auto count = static_cast<Index>(values.size());
  return side(count, {{"y", Cloud{1, count, std::move(values)}}});
}

std::vector<double> steps(Index count, double from, double to) {
  std::vector<double> values;
  for (Index k = 0; k < count; ++k) {
    const double share =
        static_cast<double>(k) / static_cast<double>(std::max<Index>(1, count - 1));
    values.push_back(static_cast<double>(static_cast<float>(from + share * (to - from))));
  }
  return values;
}

struct Range {
  Operation operation;
  double from;
  double to;
};

TEST(Engine, AppliesEveryFunctionOfOneNumber) {
  const std::vector<Range> cases{
      {Operation::negate, -3, 3},     {Operation::exp, -20, 20},    {Operation::log, 0.01, 50},
      {Operation::sqrt, 0, 50},       {Operation::rsqrt, 0.01, 50}, {Operation::reciprocal, 0.1, 5},
      {Operation::square, -3, 3},     {Operation::abs, -3, 3},      {Operation::sign, -3, 3},
      {Operation::step, -3, 3},       {Operation::relu, -3, 3},     {Operation::sin, -60, 60},
      {Operation::cos, -60, 60},      {Operation::tan, -1.4, 1.4},  {Operation::asin, -0.49, 0.49},
      {Operation::acos, -0.49, 0.49}, {Operation::atan, -30, 30},   {Operation::tanh, -12, 12},
      {Operation::xlogx, 0, 20},      {Operation::sinc, -20, 20},   {Operation::round, -9, 9},
      {Operation::floor, -9, 9},
  };
  for_every_target([&](const char* target) {
    for (const Range& each : cases) {
      SCOPED_TRACE(std::string(target) + " operation " +
                   std::to_string(static_cast<int>(each.operation)));
      // x + y covers the range; sums of few bits are exact in float.
      const Side rows = rows_with(steps(7, each.from / 2, each.to / 2));
      const Side columns = columns_with(steps(141, each.from / 2, each.to / 2));
      expect_reference(of(each.operation, {of(Operation::add, {x, y})}), rows, columns, {}, 2e-5,
                       1.0);
      expect_reference(of(each.operation, {x}), rows, columns, {}, 2e-5, 1.0);
      expect_reference(of(each.operation, {y}), rows, columns, {}, 2e-5, 1.0);
    }
  });
}

TEST(Engine, KeepsToTheDefinitionsAtZerosInfinitiesAndNaN) {
  const std::vector<double> values{0.0,   -0.0,   1.0,  -1.0,   infinity, -infinity, nan,
                                   1e-30, -1e-30, 1e30, -1e30,  0.5,      -0.5,      1.5,
                                   2.5,   -2.5,   88.0, -103.0, 710.0,    -746.0,    1e6};
  const Side rows = rows_with({0.0, -0.0});
  const Side columns = columns_with(values);
  const std::vector<Operation> operations{
      Operation::negate, Operation::exp,  Operation::log,        Operation::sqrt,
      Operation::rsqrt,  Operation::abs,  Operation::reciprocal, Operation::square,
      Operation::sign,   Operation::step, Operation::relu,       Operation::sin,
      Operation::cos,    Operation::tan,  Operation::asin,       Operation::acos,
      Operation::atan,   Operation::tanh, Operation::xlogx,      Operation::sinc,
      Operation::round,  Operation::floor};
  for_every_target([&](const char* target) {
    for (const Operation operation : operations) {
      SCOPED_TRACE(std::string(target) + " operation " +
                   std::to_string(static_cast<int>(operation)));
      // Both indices, so that the pairs' code is used; x is zero.
      const NodePtr root = of(operation, {of(Operation::add, {y, x})});
      const auto expected = reference_matrix(Expression(root), rows, columns);
      const auto found = matrix_of(Expression(root), rows, columns, Precision::float64);
      for (std::size_t p = 0; p < found.size(); ++p) {
        EXPECT_TRUE(agree(found[p], expected[p], 1e-12))
            << found[p] << " instead of " << expected[p] << " of " << values[p % values.size()];
      }
    }
    const std::vector<Operation> pairs{
        Operation::add,   Operation::subtract, Operation::multiply,   Operation::divide,
        Operation::power, Operation::atan2,    Operation::min,        Operation::max,
        Operation::less,  Operation::equal,    Operation::less_equal, Operation::not_equal};
    const Side all = rows_with(values);
    for (const Operation operation : pairs) {
      SCOPED_TRACE(std::string(target) + " operation " +
                   std::to_string(static_cast<int>(operation)));
      const NodePtr root = of(operation, {x, y});
      const auto expected = reference_matrix(Expression(root), all, columns);
      const auto found = matrix_of(Expression(root), all, columns, Precision::float64);
      for (std::size_t p = 0; p < found.size(); ++p) {
        EXPECT_TRUE(agree(found[p], expected[p], 1e-12))
            << found[p] << " instead of " << expected[p] << " of " << values[p / values.size()]
            << ", " << values[p % values.size()];
      }
    }
  });
}

TEST(Engine, AppliesEveryFunctionOfTwoAndThreeNumbers) {
  const std::vector<Operation> operations{
      Operation::add,      Operation::subtract, Operation::multiply,   Operation::divide,
      Operation::power,    Operation::atan2,    Operation::mod,        Operation::min,
      Operation::max,      Operation::less,     Operation::less_equal, Operation::equal,
      Operation::not_equal};
  // Multiples of 1/16: comparisons come out alike in float.
  const Side rows = rows_with(steps(9, 0.25, 4.25));
  const Side columns = columns_with(steps(55, 0.125, 3.5));
  const NodePtr both = of(Operation::multiply, {x, y});
  const NodePtr other = of(Operation::abs, {of(Operation::subtract, {x, y})});
  for_every_target([&](const char* target) {
    for (const Operation operation : operations) {
      SCOPED_TRACE(std::string(target) + " operation " +
                   std::to_string(static_cast<int>(operation)));
      // Every kind of operand on either side.
      for (const NodePtr& a : {x, y, both, number(1.5)}) {
        for (const NodePtr& b : {x, y, other, number(0.75)}) {
          if (operation == Operation::mod && b == other) continue;  // jumps where b is rounded
          const double tolerance = operation == Operation::mod ? 1e-4 : 1e-5;
          expect_reference(of(operation, {a, b}), rows, columns, {}, tolerance, 1.0);
        }
      }
    }
    SCOPED_TRACE(target);
    const NodePtr less = of(Operation::less, {x, y});
    expect_reference(of(Operation::where, {less, both, other}), rows, columns);
    expect_reference(of(Operation::where, {less, x, number(2)}), rows, columns);
    expect_reference(of(Operation::where, {y, less, y}), rows, columns);
    for (const double exponent : {-70.0, -3.0, -1.0, 0.0, 1.0, 2.0, 5.0, 13.0}) {
      expect_reference(
          of(Operation::power_integer, {of(Operation::add, {x, number(0.5)})}, exponent), rows,
          columns, {}, 3e-5);
      expect_reference(of(Operation::power_integer, {of(Operation::subtract, {x, y})},
                          std::abs(exponent) > 20 ? 1.0 : std::abs(exponent)),
                       rows, columns, {}, 3e-5, 1.0);
    }
  });
}

TEST(Engine, HandlesVectorsOfAnyDimension) {
  for (const int dimension : {1, 2, 3, 4, 5, 7, 50}) {
    const NodePtr a = variable("a", dimension, axis_i);
    const NodePtr b = variable("b", dimension, axis_j);
    const NodePtr w = variable("w", dimension, no_axis);
    const NodePtr m = variable("m", dimension * 2, no_axis);
    const Side rows = side(5, {{"a", random_cloud(5, dimension, 1)}});
    const Side columns = side(35, {{"b", random_cloud(35, dimension, 2)}}, 11);
    Constants constants;
    constants.variables["w"] = random_cloud(1, dimension, 3).values;
    constants.variables["m"] = random_cloud(1, 2 * dimension, 4).values;
    const NodePtr difference = of(Operation::subtract, {a, b});
    for_every_target([&](const char* target) {
      SCOPED_TRACE(std::string(target) + " dimension " + std::to_string(dimension));
      expect_reference(sqdist(a, b), rows, columns, constants);
      expect_reference(sqdist(b, a), rows, columns, constants);
      expect_reference(dot(a, b), rows, columns, constants);
      expect_reference(dot(b, a), rows, columns, constants);
      expect_reference(dot(w, of(Operation::square, {difference})), rows, columns, constants);
      expect_reference(sqdist(of(Operation::multiply, {a, w}), of(Operation::multiply, {w, b})),
                       rows, columns, constants);
      expect_reference(dot(difference, difference), rows, columns, constants, 1e-5, 1.0);
      expect_reference(sqdist(difference, w), rows, columns, constants);
      expect_reference(node(Operation::sum, {difference}, 1), rows, columns, constants, 1e-5, 1.0);
      if (dimension > 7) return;
      expect_reference(node(Operation::concat, {a, b, w}, 3 * dimension), rows, columns, constants);
      expect_reference(node(Operation::slice, {node(Operation::concat, {a, b}, 2 * dimension)},
                            dimension, 0, dimension - 1),
                       rows, columns, constants);
      expect_reference(node(Operation::matvec, {m, difference}, 2), rows, columns, constants);
      expect_reference(node(Operation::vecmat,
                            {m, of(Operation::multiply, {variable("z", 2, axis_j), x})}, dimension),
                       side(5, {{"x", random_cloud(5, 1, 7)}}),
                       side(35, {{"z", random_cloud(35, 2, 8)}}), constants);
      expect_reference(node(Operation::outer, {a, b}, dimension * dimension), rows, columns,
                       constants);
    });
  }
}

TEST(Engine, EvaluatesWhatVariesWithFewerIndices) {
  const Side rows = side(6, {{"x", random_cloud(6, 1, 1)}}, 3);
  const Side columns = side(1100, {{"y", random_cloud(1100, 1, 2)}}, 40);
  Constants constants;
  constants.parameters["s"] = 0.75;
  const NodePtr s = parameter("s");
  expect_reference(s, rows, columns, constants);
  expect_reference(of(Operation::exp, {of(Operation::multiply, {x, s})}), rows, columns, constants);
  expect_reference(of(Operation::exp, {of(Operation::divide, {y, s})}), rows, columns, constants);
  expect_reference(index(Operation::row), rows, columns, constants);
  expect_reference(of(Operation::add, {index(Operation::row), index(Operation::column)}), rows,
                   columns, constants);
  EXPECT_THROW(Program(Expression(s), {}, Precision::float64), core::ConfigurationError);
}

TEST(Engine, SharesCommonPartsAndNeedsFewSlots) {
  // Each node is used twice by the next: 2^40 evaluations as a tree.
  NodePtr shared = of(Operation::subtract, {x, y});
  for (int k = 0; k < 40; ++k) {
    shared = of(Operation::add,
                {of(Operation::sin, {shared}), of(Operation::multiply, {number(0.25), shared})});
  }
  const Side rows = side(5, {{"x", random_cloud(5, 1, 1)}});
  const Side columns = side(33, {{"y", random_cloud(33, 1, 2)}});
  for_every_target([&](const char*) { expect_reference(shared, rows, columns, {}, 1e-3); });
}

TEST(Engine, ComparesLargeIndicesExactlyInFloat) {
  const Index far = (Index{1} << 40) + 1;
  const NodePtr i = index(Operation::row);
  const NodePtr j = index(Operation::column);
  const Side rows = side(9, {}, far);
  const Side columns = side(40, {}, far - 12);
  for (const Operation operation : {Operation::equal, Operation::not_equal, Operation::less,
                                    Operation::less_equal, Operation::subtract}) {
    expect_reference(of(operation, {i, j}), rows, columns);
    expect_reference(of(operation, {j, of(Operation::add, {i, number(3)})}), rows, columns);
  }
}

TEST(Engine, ComputesExponentialsToTwoUnitsInTheLastPlace) {
  const Side rows = rows_with({0.0});
  for (const double scale : {1.0, 20.0, 700.0}) {
    const Side columns = columns_with(random_cloud(4001, 1, 5, scale).values);
    const NodePtr root = of(Operation::exp, {of(Operation::add, {y, x})});
    const auto expected = reference_matrix(Expression(root), rows, columns);
    const auto found = matrix_of(Expression(root), rows, columns, Precision::float64);
    for (std::size_t p = 0; p < found.size(); ++p) {
      EXPECT_NEAR(found[p], expected[p], 4.5e-16 * expected[p]);
    }
  }
}

TEST(Engine, MultipliesByOneAndByManyVectors) {
  const NodePtr a = variable("a", 3, axis_i);
  const NodePtr b = variable("b", 3, axis_j);
  const Expression formula(gaussian(a, b));
  for (const Index m : {1, 4, 13}) {
    for (const Index n : {1, 7, 64, 1300}) {
      const Side rows = side(m, {{"a", random_cloud(m, 3, 1)}});
      const Side columns = side(n, {{"b", random_cloud(n, 3, 2)}});
      const auto kernel = reference_matrix(formula, rows, columns);
      for_every_target([&](const char* target) {
        for (const Precision precision : {Precision::float64, Precision::float32}) {
          const Program program(formula, {}, precision);
          const double tolerance = precision == Precision::float64 ? 1e-13 : 1e-6;
          for (const Index width : {1, 2, 3, 5, 16}) {
            SCOPED_TRACE(std::string(target) + " " + std::to_string(m) + " x " + std::to_string(n) +
                         " times " + std::to_string(width));
            const auto v = random_cloud(n * width, 1, 3).values;
            std::vector<double> out(static_cast<std::size_t>(m * width), 2.0);
            multiply_add(program, rows, columns, v, width, out);
            for (Index i = 0; i < m; ++i) {
              for (Index w = 0; w < width; ++w) {
                long double sum = 2;
                for (Index j = 0; j < n; ++j) {
                  sum += static_cast<long double>(kernel[static_cast<std::size_t>(i * n + j)]) *
                         v[static_cast<std::size_t>(j * width + w)];
                }
                EXPECT_NEAR(out[static_cast<std::size_t>(i * width + w)], static_cast<double>(sum),
                            tolerance * static_cast<double>(n));
              }
            }
          }
        }
      });
    }
  }
}

TEST(Engine, LeavesRowsOfAWiderMatrixAlone) {
  const Side rows = side(3, {{"x", random_cloud(3, 1, 1)}});
  const Side columns = side(5, {{"y", random_cloud(5, 1, 2)}});
  const Expression formula(of(Operation::multiply, {x, y}));
  std::vector<double> out(3 * 8, -7.0);
  evaluate(Program(formula, {}, Precision::float64), rows, columns, out, 8);
  const auto expected = reference_matrix(formula, rows, columns);
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 8; ++j) {
      EXPECT_EQ(out[i * 8 + j], j < 5 ? expected[i * 5 + j] : -7.0);
    }
  }
}

TEST(Engine, RefusesWhatDoesNotFit) {
  const Expression formula(of(Operation::multiply, {x, y}));
  const Program program(formula, {}, Precision::float64);
  const Side rows = side(3, {{"x", random_cloud(3, 1, 1)}});
  const Side columns = side(5, {{"y", random_cloud(5, 1, 2)}});
  std::vector<double> out(15);
  EXPECT_THROW(evaluate(program, rows, side(5, {}), out, 5), core::InternalError);
  EXPECT_THROW(evaluate(program, rows, columns, std::span<double>(out).first(14), 5),
               core::InternalError);
  EXPECT_THROW(multiply_add(program, rows, columns, out, 4, out), core::InternalError);
  EXPECT_THROW(Program(Expression(variable("v", 2, axis_i)), {}, Precision::float64),
               core::ShapeError);
  EXPECT_GT(program.cost_per_pair(), 0);
}

}  // namespace
}  // namespace kronwerk::kernels
