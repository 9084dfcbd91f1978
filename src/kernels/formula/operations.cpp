#include "kernels/formula/operations.hpp"

#include <cmath>
#include <limits>

#include "kronwerk/core/error.hpp"

namespace kronwerk::kernels {
namespace {

using OfOne = double (*)(double);
using OfTwo = double (*)(double, double);

OperationTraits leaf() {
  return {};
}
OperationTraits function(const char* name, OfOne value, unsigned properties = no_property) {
  return {Arguments::one, name, Precedence::primary, value, nullptr, properties};
}
OperationTraits function(const char* name, OfTwo value, unsigned properties = no_property) {
  return {Arguments::two, name, Precedence::primary, nullptr, value, properties};
}
OperationTraits infix(const char* name, Precedence precedence, OfTwo value,
                      unsigned properties = no_property) {
  return {Arguments::two, name, precedence, nullptr, value, properties};
}
OperationTraits of_vectors(const char* name, unsigned properties) {
  return {Arguments::vectors, name, Precedence::primary, nullptr, nullptr, properties};
}

double least(double a, double b) {
  const bool unordered = std::isnan(a) || std::isnan(b);
  return unordered ? std::numeric_limits<double>::quiet_NaN() : (b < a ? b : a);
}
double greatest(double a, double b) {
  const bool unordered = std::isnan(a) || std::isnan(b);
  return unordered ? std::numeric_limits<double>::quiet_NaN() : (a < b ? b : a);
}
double sign_of(double x) {
  return std::isnan(x) ? x : static_cast<double>((x > 0) - (x < 0));
}

}  // namespace

OperationTraits traits_of(Operation operation) {
  using enum Precedence;
  using X = double;
  // clang-format off
  switch (operation) {
    case Operation::number: return leaf();
    case Operation::parameter: return leaf();
    case Operation::variable: return leaf();
    case Operation::row: return leaf();
    case Operation::column: return leaf();

    case Operation::negate: return function("", [](X x) { return -x; }, odd);
    case Operation::exp: return function("exp", [](X x) { return std::exp(x); }, never_negative);
    case Operation::log: return function("log", [](X x) { return std::log(x); });
    case Operation::sqrt: return function("sqrt", [](X x) { return std::sqrt(x); }, never_negative);
    case Operation::rsqrt: return function("rsqrt", [](X x) { return 1 / std::sqrt(x); }, never_negative);
    case Operation::reciprocal: return function("", [](X x) { return 1 / x; }, odd | keeps_positivity);
    case Operation::square: return function("square", [](X x) { return x * x; }, even | never_negative);
    case Operation::abs: return function("abs", [](X x) { return std::abs(x); }, even | never_negative);
    case Operation::sign: return function("sign", sign_of, odd);
    case Operation::step: return function("step", [](X x) { return x >= 0 ? 1.0 : 0.0; }, never_negative);
    case Operation::relu: return function("relu", [](X x) { return x <= 0 ? 0.0 : x; }, never_negative);
    case Operation::sin: return function("sin", [](X x) { return std::sin(x); }, odd);
    case Operation::cos: return function("cos", [](X x) { return std::cos(x); }, even);
    case Operation::tan: return function("tan", [](X x) { return std::tan(x); }, odd);
    case Operation::asin: return function("asin", [](X x) { return std::asin(x); }, odd);
    case Operation::acos: return function("acos", [](X x) { return std::acos(x); }, never_negative);
    case Operation::atan: return function("atan", [](X x) { return std::atan(x); }, odd);
    case Operation::tanh: return function("tanh", [](X x) { return std::tanh(x); }, odd);
    case Operation::xlogx: return function("xlogx", [](X x) { return x == 0 ? 0.0 : x * std::log(x); });
    case Operation::sinc: return function("sinc", [](X x) { return x == 0 ? 1.0 : std::sin(x) / x; }, even);
    case Operation::round: return function("round", [](X x) { return std::nearbyint(x); });
    case Operation::floor: return function("floor", [](X x) { return std::floor(x); });
    // Its value depends on the exponent in the node: see scalar_value().
    case Operation::power_integer: return function("", static_cast<OfOne>(nullptr));

    case Operation::add: return infix(" + ", addition, [](X a, X b) { return a + b; }, commutative | keeps_positivity);
    case Operation::subtract: return infix(" - ", addition, [](X a, X b) { return a - b; });
    case Operation::multiply: return infix("*", multiplication, [](X a, X b) { return a * b; }, commutative | keeps_positivity);
    case Operation::divide: return infix("/", multiplication, [](X a, X b) { return a / b; }, keeps_positivity);
    case Operation::power: return infix("^", exponentiation, [](X a, X b) { return std::pow(a, b); });
    case Operation::atan2: return function("atan2", [](X a, X b) { return std::atan2(a, b); });
    case Operation::mod: return function("mod", [](X a, X b) { return a - b * std::floor(a / b); });
    case Operation::min: return function("min", least, commutative | keeps_positivity);
    case Operation::max: return function("max", greatest, commutative | keeps_positivity);
    case Operation::less: return infix(" < ", comparison, [](X a, X b) { return a < b ? 1.0 : 0.0; }, never_negative);
    case Operation::less_equal: return infix(" <= ", comparison, [](X a, X b) { return a <= b ? 1.0 : 0.0; }, never_negative);
    case Operation::equal: return infix(" == ", comparison, [](X a, X b) { return a == b ? 1.0 : 0.0; }, commutative | never_negative);
    case Operation::not_equal: return infix(" != ", comparison, [](X a, X b) { return a != b ? 1.0 : 0.0; }, commutative | never_negative);

    case Operation::where: return {.arguments = Arguments::three, .name = "where"};

    case Operation::sum: return of_vectors("sum", linear | keeps_positivity);
    case Operation::dot: return of_vectors("dot", commutative | linear | keeps_positivity);
    case Operation::sqdist: return of_vectors("sqdist", commutative | never_negative);
    case Operation::concat: return of_vectors("concat", keeps_positivity);
    case Operation::slice: return of_vectors("", linear | keeps_positivity);
    case Operation::matvec: return of_vectors("matvec", linear | keeps_positivity);
    case Operation::vecmat: return of_vectors("vecmat", linear | keeps_positivity);
    case Operation::outer: return of_vectors("outer", linear | keeps_positivity);
  }
  // clang-format on
  throw core::InternalError("not an operation of kernel formulas");
}

double scalar_value(Operation operation, std::span<const double> arguments, double number) {
  if (operation == Operation::power_integer) return std::pow(arguments[0], number);
  const OperationTraits traits = traits_of(operation);
  switch (traits.arguments) {
    case Arguments::one:
      return traits.of_one(arguments[0]);
    case Arguments::two:
      return traits.of_two(arguments[0], arguments[1]);
    case Arguments::three:
      return arguments[0] != 0 ? arguments[1] : arguments[2];
    case Arguments::none:
    case Arguments::vectors:
      break;
  }
  throw core::InternalError("not an elementwise operation");
}

}  // namespace kronwerk::kernels
