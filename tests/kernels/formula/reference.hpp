#pragma once

#include <cmath>
#include <cstddef>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "kronwerk/kernels/formula/cloud.hpp"
#include "kronwerk/kernels/formula/constants.hpp"
#include "kronwerk/kernels/formula/expression.hpp"
#include "kronwerk/kernels/formula/node.hpp"

namespace kronwerk::kernels {

/// What every test of this layer compares with: one scalar operation after the other, from the
/// definitions in node.hpp, in long double, sharing no code with the library. NaN in either
/// argument of min and max gives NaN; comparisons with NaN are 0, `!=` is 1.
class ReferenceEvaluator {
 public:
  using Real = long double;
  using Values = std::vector<Real>;

  ReferenceEvaluator(const Side& rows, const Side& columns, const Constants& constants)
      : rows_(rows), columns_(columns), constants_(constants) {}

  /// F(i, j), all its components; i and j count from the sides' first points.
  Values operator()(const Node& root, Index i, Index j) const {
    std::map<const Node*, Values> known;
    return value(root, i, j, known);
  }

 private:
  Values value(const Node& node, Index i, Index j, std::map<const Node*, Values>& known) const {
    const auto found = known.find(&node);
    if (found != known.end()) return found->second;
    std::vector<Values> arguments;
    for (const NodePtr& argument : node.arguments) {
      arguments.push_back(value(*argument, i, j, known));
    }
    Values result = arguments.empty() ? leaf(node, i, j) : compound(node, arguments);
    if (static_cast<int>(result.size()) != node.dimension) {
      throw std::logic_error("a node's dimension differs from its value's");
    }
    return known.emplace(&node, std::move(result)).first->second;
  }

  Values leaf(const Node& node, Index i, Index j) const {
    switch (node.operation) {
      case Operation::number:
        return {static_cast<Real>(node.number)};
      case Operation::parameter:
        return {static_cast<Real>(constants_.parameters.at(node.name))};
      case Operation::row:
        return {static_cast<Real>(rows_.first + i)};
      case Operation::column:
        return {static_cast<Real>(columns_.first + j)};
      case Operation::variable:
        if (node.axes == axis_i) return point(rows_.variables.at(node.name), i);
        if (node.axes == axis_j) return point(columns_.variables.at(node.name), j);
        return constant(node.name);
      default:
        throw std::logic_error("an operation without arguments");
    }
  }

  Values constant(const std::string& name) const {
    const std::vector<double>& values = constants_.variables.at(name);
    return Values(values.begin(), values.end());
  }

  static Values point(const Cloud& cloud, Index p) {
    Values values;
    for (int c = 0; c < cloud.dimension; ++c) {
      values.push_back(cloud.values[static_cast<std::size_t>(c * cloud.count + p)]);
    }
    return values;
  }

  static Values compound(const Node& node, const std::vector<Values>& arguments) {
    const std::size_t dimension = static_cast<std::size_t>(node.dimension);
    const Values& first = arguments[0];
    Values result;
    switch (node.operation) {
      case Operation::sum:
        result.push_back(0);
        for (const Real term : first) result[0] += term;
        return result;
      case Operation::dot:
      case Operation::sqdist:
        return {pairwise(node.operation, first, arguments[1])};
      case Operation::concat:
        for (const Values& part : arguments) result.insert(result.end(), part.begin(), part.end());
        return result;
      case Operation::slice:
        for (std::size_t c = 0; c < dimension; ++c) {
          result.push_back(first.at(c + static_cast<std::size_t>(node.offset)));
        }
        return result;
      case Operation::matvec:
      case Operation::vecmat:
        return product(node, first, arguments[1]);
      case Operation::outer:
        for (const Real a : first) {
          for (const Real b : arguments[1]) result.push_back(a * b);
        }
        return result;
      default:
        break;
    }
    for (std::size_t c = 0; c < dimension; ++c) {
      const auto at = [&](std::size_t which) {
        const Values& values = arguments.at(which);
        return values.size() == 1 ? values[0] : values.at(c);
      };
      result.push_back(arguments.size() == 1   ? unary(node, at(0))
                       : arguments.size() == 2 ? binary(node.operation, at(0), at(1))
                       : at(0) != 0            ? at(1)
                                               : at(2));
    }
    return result;
  }

  static Real pairwise(Operation operation, const Values& a, const Values& b) {
    if (a.size() != b.size()) throw std::logic_error("vectors of different dimensions");
    Real total = 0;
    for (std::size_t c = 0; c < a.size(); ++c) {
      total += operation == Operation::dot ? a[c] * b[c] : (a[c] - b[c]) * (a[c] - b[c]);
    }
    return total;
  }

  static Values product(const Node& node, const Values& matrix, const Values& vector) {
    const std::size_t dimension = static_cast<std::size_t>(node.dimension);
    if (matrix.size() != dimension * vector.size()) throw std::logic_error("not a matrix");
    Values result(dimension, 0);
    for (std::size_t r = 0; r < dimension; ++r) {
      for (std::size_t c = 0; c < vector.size(); ++c) {
        const std::size_t place =
            node.operation == Operation::matvec ? r * vector.size() + c : c * dimension + r;
        result[r] += matrix[place] * vector[c];
      }
    }
    return result;
  }

  static Real unary(const Node& node, Real x) {
    switch (node.operation) {
      case Operation::negate:
        return -x;
      case Operation::exp:
        return std::exp(x);
      case Operation::log:
        return std::log(x);
      case Operation::sqrt:
        return std::sqrt(x);
      case Operation::rsqrt:
        return 1 / std::sqrt(x);
      case Operation::reciprocal:
        return 1 / x;
      case Operation::square:
        return x * x;
      case Operation::abs:
        return std::abs(x);
      case Operation::sign:
        return std::isnan(x) ? x : static_cast<Real>((x > 0) - (x < 0));
      case Operation::step:
        return x >= 0 ? 1 : 0;
      case Operation::relu:
        return std::isnan(x) || x > 0 ? x : 0;
      case Operation::sin:
        return std::sin(x);
      case Operation::cos:
        return std::cos(x);
      case Operation::tan:
        return std::tan(x);
      case Operation::asin:
        return std::asin(x);
      case Operation::acos:
        return std::acos(x);
      case Operation::atan:
        return std::atan(x);
      case Operation::tanh:
        return std::tanh(x);
      case Operation::xlogx:
        return x == 0 ? 0 : x * std::log(x);
      case Operation::sinc:
        return x == 0 ? 1 : std::sin(x) / x;
      case Operation::round:
        return std::nearbyint(x);
      case Operation::floor:
        return std::floor(x);
      case Operation::power_integer:
        return std::pow(x, static_cast<Real>(node.number));
      default:
        throw std::logic_error("not an operation of one argument");
    }
  }

  /// The number between 0 and b that differs from a by a multiple of b.
  static Real remainder(Real a, Real b) {
    const Real rest = std::fmod(a, b);  // exact, of the sign of a
    return rest != 0 && std::signbit(rest) != std::signbit(b) ? rest + b : rest;
  }

  static Real binary(Operation operation, Real a, Real b) {
    switch (operation) {
      case Operation::add:
        return a + b;
      case Operation::subtract:
        return a - b;
      case Operation::multiply:
        return a * b;
      case Operation::divide:
        return a / b;
      case Operation::power:
        return std::pow(a, b);
      case Operation::atan2:
        return std::atan2(a, b);
      case Operation::mod:
        return remainder(a, b);
      case Operation::min:
        return std::isnan(a) ? a : std::isnan(b) ? b : std::fmin(a, b);
      case Operation::max:
        return std::isnan(a) ? a : std::isnan(b) ? b : std::fmax(a, b);
      case Operation::less:
        return a < b ? 1 : 0;
      case Operation::less_equal:
        return a <= b ? 1 : 0;
      case Operation::equal:
        return a == b ? 1 : 0;
      case Operation::not_equal:
        return a != b ? 1 : 0;
      default:
        throw std::logic_error("not an operation of two arguments");
    }
  }

  const Side& rows_;
  const Side& columns_;
  const Constants& constants_;
};

/// The values of F at all pairs, (rows, columns, dimension), row-major.
inline std::vector<double> reference_matrix(const Expression& formula, const Side& rows,
                                            const Side& columns, const Constants& constants = {}) {
  const ReferenceEvaluator evaluate(rows, columns, constants);
  std::vector<double> result;
  for (Index i = 0; i < rows.count; ++i) {
    for (Index j = 0; j < columns.count; ++j) {
      for (const long double value : evaluate(*formula.root(), i, j)) {
        result.push_back(static_cast<double>(value));
      }
    }
  }
  return result;
}

}  // namespace kronwerk::kernels
