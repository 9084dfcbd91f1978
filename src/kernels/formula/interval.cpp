#include "kernels/formula/interval.hpp"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <numbers>

#include "kronwerk/core/error.hpp"

namespace kronwerk::kernels {
namespace {

using Intervals = std::vector<Interval>;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr Interval anything{-infinity, infinity};
constexpr Interval truth{0, 1};

/// The interval of some values; of everything if one is NaN, as 0 times infinity is.
Interval hull(std::initializer_list<double> values) {
  Interval result{infinity, -infinity};
  for (const double value : values) {
    if (std::isnan(value)) return anything;
    result = {std::min(result.low, value), std::max(result.high, value)};
  }
  return result;
}

Interval operator+(Interval a, Interval b) {
  return hull({a.low + b.low, a.high + b.high});
}
Interval operator-(Interval a) {
  return {-a.high, -a.low};
}
Interval operator*(Interval a, Interval b) {
  return hull({a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high});
}

template <typename Function>
Interval increasing(const Function& function, Interval a) {
  return hull({function(a.low), function(a.high)});
}

Interval reciprocal(Interval a) {
  if (a.low < 0 && a.high > 0) return anything;
  // The bound at 0 is the one that the rest of the interval approaches.
  const double first = a.low == 0 ? infinity : 1 / a.low;
  const double last = a.high == 0 ? -infinity : 1 / a.high;
  return hull({first, last});
}

Interval square(Interval a) {
  const double largest = std::max(a.low * a.low, a.high * a.high);
  if (a.low <= 0 && a.high >= 0) return {0, largest};
  return hull({a.low * a.low, a.high * a.high});
}

Interval magnitude(Interval a) {
  const double largest = std::max(std::abs(a.low), std::abs(a.high));
  if (a.low <= 0 && a.high >= 0) return {0, largest};
  return hull({std::abs(a.low), std::abs(a.high)});
}

Interval power_integer(Interval a, double exponent) {
  const auto function = [exponent](double x) { return std::pow(x, exponent); };
  if (exponent == 0) return {1, 1};
  if (exponent < 0) return reciprocal(power_integer(a, -exponent));
  if (std::fmod(exponent, 2) == 0) return increasing(function, magnitude(a));
  return increasing(function, a);
}

Interval logarithm(Interval a) {
  if (a.low < 0) return anything;
  return increasing([](double x) { return std::log(x); }, a);
}

Interval exponential(Interval a) {
  return increasing([](double x) { return std::exp(x); }, a);
}

Interval root(Interval a) {
  if (a.low < 0) return anything;
  return increasing([](double x) { return std::sqrt(x); }, a);
}

Interval unary(const Node& node, Interval a) {
  switch (node.operation) {
    case Operation::negate:
      return -a;
    case Operation::exp:
      return exponential(a);
    case Operation::log:
      return logarithm(a);
    case Operation::sqrt:
      return root(a);
    case Operation::rsqrt:
      return reciprocal(root(a));
    case Operation::reciprocal:
      return reciprocal(a);
    case Operation::square:
      return square(a);
    case Operation::abs:
      return magnitude(a);
    case Operation::sign:
      return increasing([](double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0; }, a);
    case Operation::step:
      return increasing([](double x) { return x >= 0 ? 1.0 : 0.0; }, a);
    case Operation::relu:
      return increasing([](double x) { return std::max(x, 0.0); }, a);
    case Operation::sin:
    case Operation::cos:
      return {-1, 1};
    case Operation::sinc: {
      // |sin(x)/x| <= 1/|x|, and above -0.2173 everywhere.
      const double nearest = magnitude(a).low;
      const double largest = nearest > 1 ? 1 / nearest : 1.0;
      return {std::max(-0.2173, -largest), largest};
    }
    case Operation::atan:
      return increasing([](double x) { return std::atan(x); }, a);
    case Operation::tanh:
      return increasing([](double x) { return std::tanh(x); }, a);
    case Operation::asin:
      return {-std::numbers::pi / 2, std::numbers::pi / 2};
    case Operation::acos:
      return {0, std::numbers::pi};
    case Operation::xlogx:
      if (a.low < 0) return anything;
      return {a.low >= 1 ? a.low * std::log(a.low) : -1 / std::numbers::e,
              a.high <= 1 ? 0.0 : a.high * std::log(a.high)};
    case Operation::round:
      return increasing([](double x) { return std::nearbyint(x); }, a);
    case Operation::floor:
      return increasing([](double x) { return std::floor(x); }, a);
    case Operation::power_integer:
      return power_integer(a, node.number);
    case Operation::tan:
      return anything;
    // Of other arguments; named, so that a new operation is missed here.
    // clang-format off
    case Operation::number: case Operation::parameter: case Operation::variable:
    case Operation::row: case Operation::column: case Operation::add: case Operation::subtract:
    case Operation::multiply: case Operation::divide: case Operation::power: case Operation::atan2:
    case Operation::mod: case Operation::min: case Operation::max: case Operation::less:
    case Operation::less_equal: case Operation::equal: case Operation::not_equal:
    case Operation::where: case Operation::sum: case Operation::dot: case Operation::sqdist:
    case Operation::concat: case Operation::slice: case Operation::matvec: case Operation::vecmat:
    case Operation::outer:
      // clang-format on
      break;
  }
  throw core::InternalError("not an operation of one argument");
}

/// What `a < b` gives, or `a <= b` with `or_equal`.
Interval comparison(Interval a, Interval b, bool or_equal) {
  if (a.high < b.low || (or_equal && a.high == b.low)) return {1, 1};
  if (a.low > b.high || (!or_equal && a.low == b.high)) return {0, 0};
  return truth;
}

Interval binary(Operation operation, Interval a, Interval b) {
  switch (operation) {
    case Operation::add:
      return a + b;
    case Operation::subtract:
      return a + -b;
    case Operation::multiply:
      return a * b;
    case Operation::divide:
      return a * reciprocal(b);
    case Operation::power:
      return a.low < 0 ? anything : exponential(b * logarithm(a));
    case Operation::atan2:
      return {-std::numbers::pi, std::numbers::pi};
    case Operation::mod:
      return b.low > 0 ? Interval{0, b.high} : anything;
    case Operation::min:
      return {std::min(a.low, b.low), std::min(a.high, b.high)};
    case Operation::max:
      return {std::max(a.low, b.low), std::max(a.high, b.high)};
    case Operation::less:
      return comparison(a, b, false);
    case Operation::less_equal:
      return comparison(a, b, true);
    case Operation::equal:
      return a.high < b.low || b.high < a.low ? Interval{0, 0} : truth;
    case Operation::not_equal:
      return a.high < b.low || b.high < a.low ? Interval{1, 1} : truth;
    // Of other arguments; named, so that a new operation is missed here.
    // clang-format off
    case Operation::number: case Operation::parameter: case Operation::variable:
    case Operation::row: case Operation::column: case Operation::negate: case Operation::exp:
    case Operation::log: case Operation::sqrt: case Operation::rsqrt: case Operation::reciprocal:
    case Operation::square: case Operation::abs: case Operation::sign: case Operation::step:
    case Operation::relu: case Operation::sin: case Operation::cos: case Operation::tan:
    case Operation::asin: case Operation::acos: case Operation::atan: case Operation::tanh:
    case Operation::xlogx: case Operation::sinc: case Operation::round: case Operation::floor:
    case Operation::power_integer: case Operation::where: case Operation::sum: case Operation::dot:
    case Operation::sqdist: case Operation::concat: case Operation::slice: case Operation::matvec:
    case Operation::vecmat: case Operation::outer:
      // clang-format on
      break;
  }
  throw core::InternalError("not an operation of two arguments");
}

Interval choice(Interval condition, Interval yes, Interval no) {
  if (condition.low > 0 || condition.high < 0) return yes;
  if (condition.low == 0 && condition.high == 0) return no;
  return {std::min(yes.low, no.low), std::max(yes.high, no.high)};
}

class Bounds {
 public:
  Bounds(const Constants& constants, const PairRanges& ranges)
      : constants_(constants), ranges_(ranges) {}

  const Intervals& of(const Node& node) {
    const auto known = known_.find(&node);
    if (known != known_.end()) return known->second;
    std::vector<Intervals> arguments;
    for (const NodePtr& argument : node.arguments) arguments.push_back(of(*argument));
    return known_[&node] = arguments.empty() ? leaf(node) : compound(node, arguments);
  }

 private:
  Intervals leaf(const Node& node) const {
    const auto exactly = [](double value) { return Interval{value, value}; };
    switch (node.operation) {
      case Operation::number:
        return {exactly(node.number)};
      case Operation::parameter:
        return {exactly(constants_.parameters.at(node.name))};
      case Operation::row:
        return {{0, static_cast<double>(ranges_.rows)}};
      case Operation::column:
        return {{0, static_cast<double>(ranges_.columns)}};
      default:
        break;
    }
    if (node.axes != no_axis) return ranges_.variables.at(node.name);
    Intervals values;
    for (const double value : constants_.variables.at(node.name)) values.push_back(exactly(value));
    return values;
  }

  /// True for the squared distance of the two points.
  bool is_distance(const Node& node) const {
    const auto is = [](const Node& argument, const std::string& name) {
      return argument.operation == Operation::variable && argument.name == name;
    };
    const Node& a = *node.arguments[0];
    const Node& b = *node.arguments[1];
    const std::string& x = ranges_.first_point;
    const std::string& y = ranges_.second_point;
    return (is(a, x) && is(b, y)) || (is(a, y) && is(b, x));
  }

  Intervals compound(const Node& node, const std::vector<Intervals>& arguments) const {
    const Intervals& a = arguments[0];
    const auto dimension = static_cast<std::size_t>(node.dimension);
    Interval total{0, 0};
    switch (node.operation) {
      case Operation::sum:
        for (const Interval term : a) total = total + term;
        return {total};
      case Operation::dot:
        for (std::size_t c = 0; c < a.size(); ++c) {
          const bool same = node.arguments[0] == node.arguments[1];
          total = total + (same ? square(a[c]) : a[c] * arguments[1][c]);
        }
        return {total};
      case Operation::sqdist:
        if (is_distance(node)) return {square(ranges_.distance)};
        for (std::size_t c = 0; c < a.size(); ++c) total = total + square(a[c] + -arguments[1][c]);
        return {total};
      case Operation::concat: {
        Intervals joined;
        for (const Intervals& part : arguments)
          joined.insert(joined.end(), part.begin(), part.end());
        return joined;
      }
      case Operation::slice:
        return {a.begin() + node.offset, a.begin() + node.offset + node.dimension};
      case Operation::matvec:
      case Operation::vecmat:
      case Operation::outer:
        return Intervals(dimension, anything);
      // Of other arguments; named, so that a new operation is missed here.
      // clang-format off
      case Operation::number: case Operation::parameter: case Operation::variable:
      case Operation::row: case Operation::column: case Operation::negate: case Operation::exp:
      case Operation::log: case Operation::sqrt: case Operation::rsqrt: case Operation::reciprocal:
      case Operation::square: case Operation::abs: case Operation::sign: case Operation::step:
      case Operation::relu: case Operation::sin: case Operation::cos: case Operation::tan:
      case Operation::asin: case Operation::acos: case Operation::atan: case Operation::tanh:
      case Operation::xlogx: case Operation::sinc: case Operation::round: case Operation::floor:
      case Operation::power_integer: case Operation::add: case Operation::subtract:
      case Operation::multiply: case Operation::divide: case Operation::power:
      case Operation::atan2: case Operation::mod: case Operation::min: case Operation::max:
      case Operation::less: case Operation::less_equal: case Operation::equal:
      case Operation::not_equal: case Operation::where:
        // clang-format on
        break;
    }
    return elementwise(node, arguments);
  }

  static Intervals elementwise(const Node& node, const std::vector<Intervals>& arguments) {
    Intervals result;
    for (std::size_t c = 0; c < static_cast<std::size_t>(node.dimension); ++c) {
      const auto at = [&](std::size_t which) {
        const Intervals& values = arguments[which];
        return values.size() == 1 ? values[0] : values[c];
      };
      result.push_back(arguments.size() == 1   ? unary(node, at(0))
                       : arguments.size() == 2 ? binary(node.operation, at(0), at(1))
                                               : choice(at(0), at(1), at(2)));
    }
    return result;
  }

  const Constants& constants_;
  const PairRanges& ranges_;
  std::map<const Node*, Intervals> known_;
};

}  // namespace

std::vector<Interval> bound(const Expression& formula, const Constants& constants,
                            const PairRanges& ranges) {
  return Bounds(constants, ranges).of(*formula.root());
}

}  // namespace kronwerk::kernels
