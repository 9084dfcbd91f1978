#include "kernels/formula/scalar_functions.hpp"

#include <cmath>
#include <limits>

#include "kronwerk/core/error.hpp"

namespace kronwerk::kernels {

namespace {

double of_one(Operation operation, double x, double number) {
  switch (operation) {
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
      return std::isnan(x) ? x : static_cast<double>((x > 0) - (x < 0));
    case Operation::step:
      return x >= 0 ? 1 : 0;
    case Operation::relu:
      return x <= 0 ? 0 : x;
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
      return std::pow(x, number);
    default:
      throw core::InternalError("not an operation of one number");
  }
}

double of_two(Operation operation, double a, double b) {
  const bool unordered = std::isnan(a) || std::isnan(b);
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
      return a - b * std::floor(a / b);
    case Operation::min:
      return unordered ? std::numeric_limits<double>::quiet_NaN() : (b < a ? b : a);
    case Operation::max:
      return unordered ? std::numeric_limits<double>::quiet_NaN() : (a < b ? b : a);
    case Operation::less:
      return a < b ? 1 : 0;
    case Operation::less_equal:
      return a <= b ? 1 : 0;
    case Operation::equal:
      return a == b ? 1 : 0;
    case Operation::not_equal:
      return a != b ? 1 : 0;
    default:
      throw core::InternalError("not an operation of two numbers");
  }
}

}  // namespace

double scalar_value(Operation operation, std::span<const double> arguments, double number) {
  switch (arguments.size()) {
    case 1:
      return of_one(operation, arguments[0], number);
    case 2:
      return of_two(operation, arguments[0], arguments[1]);
    case 3:
      return arguments[0] != 0 ? arguments[1] : arguments[2];
    default:
      throw core::InternalError("not an elementwise operation");
  }
}

}  // namespace kronwerk::kernels
