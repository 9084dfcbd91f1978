#include "kernels/formula/functions.hpp"

#include <fmt/format.h>

#include <cmath>

namespace kronwerk::kernels {
namespace {

template <Operation operation>
NodePtr elementwise(const Call& call) {
  return call.builder.apply(operation, call.arguments[0]);
}

template <Operation operation>
NodePtr elementwise_pair(const Call& call) {
  call.expect_conforming(0, 1);
  return call.builder.apply(operation, call.arguments[0], call.arguments[1]);
}

/// min and max of two or more.
template <Operation operation>
NodePtr elementwise_several(const Call& call) {
  NodePtr result = call.arguments[0];
  std::size_t widest = 0;
  for (std::size_t k = 1; k < call.arguments.size(); ++k) {
    call.expect_conforming(widest, k);
    if (call.arguments[k]->dimension > call.arguments[widest]->dimension) widest = k;
    result = call.builder.apply(operation, result, call.arguments[k]);
  }
  return result;
}

NodePtr clamp(const Call& call) {
  call.expect_conforming(0, 1);
  call.expect_conforming(0, 2);
  call.expect_conforming(1, 2);
  const NodePtr raised = call.builder.apply(Operation::max, call.arguments[0], call.arguments[1]);
  return call.builder.apply(Operation::min, raised, call.arguments[2]);
}

NodePtr where(const Call& call) {
  call.expect_conforming(1, 2);
  call.expect_conforming(0, 1);
  call.expect_conforming(0, 2);
  return call.builder.where(call.arguments[0], call.arguments[1], call.arguments[2]);
}

NodePtr sum(const Call& call) {
  return call.builder.sum(call.arguments[0]);
}

NodePtr dot(const Call& call) {
  call.expect_equal_dimensions(0, 1);
  return call.builder.dot(call.arguments[0], call.arguments[1]);
}

NodePtr sqnorm(const Call& call) {
  return call.builder.dot(call.arguments[0], call.arguments[0]);
}

NodePtr norm(const Call& call) {
  return call.builder.sqrt(sqnorm(call));
}

/// The zero vector stays what it is.
NodePtr normalize(const Call& call) {
  Builder& builder = call.builder;
  const NodePtr squared = sqnorm(call);
  const NodePtr positive = builder.apply(Operation::less, builder.number(0), squared);
  const NodePtr scale =
      builder.where(positive, builder.apply(Operation::rsqrt, squared), builder.number(0));
  return builder.multiply(scale, call.arguments[0]);
}

NodePtr sqdist(const Call& call) {
  call.expect_equal_dimensions(0, 1);
  Builder& builder = call.builder;
  const NodePtr& x = call.arguments[0];
  const NodePtr& y = call.arguments[1];
  if (call.arguments.size() == 2) return builder.sqdist(x, y);
  const NodePtr& weight = call.arguments[2];
  const int dimension = x->dimension;
  if (weight->dimension == 1) return builder.multiply(weight, builder.sqdist(x, y));
  const NodePtr difference = builder.subtract(x, y);
  if (weight->dimension == dimension) return builder.dot(weight, builder.square(difference));
  if (weight->dimension == dimension * dimension) {
    return builder.dot(difference, builder.matvec(weight, difference));
  }
  call.fail_argument(
      2, fmt::format("the weight of points of dimension {0} is a scalar, a vector of {0} or a "
                     "matrix of {1} values; it is {2}",
                     dimension, dimension * dimension, describe_dimension(weight->dimension)));
}

NodePtr elem(const Call& call) {
  const int dimension = call.arguments[0]->dimension;
  return call.builder.slice(call.arguments[0],
                            call.whole_number(1, 0, dimension - 1, "the component's index"), 1);
}

NodePtr slice(const Call& call) {
  const int dimension = call.arguments[0]->dimension;
  const int begin = call.whole_number(1, 0, dimension - 1, "the first component's index");
  const int count = call.whole_number(2, 1, dimension - begin, "the number of components");
  return call.builder.slice(call.arguments[0], begin, count);
}

NodePtr concat(const Call& call) {
  return call.builder.concat(call.arguments);
}

void expect_matrix(const Call& call) {
  const int matrix = call.arguments[0]->dimension;
  const int vector = call.arguments[1]->dimension;
  if (matrix % vector == 0) return;
  call.fail_argument(0, fmt::format("a matrix for a vector of {} has a multiple of {} values; this "
                                    "one has {}",
                                    vector, vector, matrix));
}

NodePtr matvec(const Call& call) {
  expect_matrix(call);
  return call.builder.matvec(call.arguments[0], call.arguments[1]);
}

NodePtr vecmat(const Call& call) {
  expect_matrix(call);
  return call.builder.vecmat(call.arguments[0], call.arguments[1]);
}

NodePtr outer(const Call& call) {
  const long long values =
      static_cast<long long>(call.arguments[0]->dimension) * call.arguments[1]->dimension;
  if (values > 1'000'000) {
    call.fail(fmt::format("a product of {} values for every pair is too large", values));
  }
  return call.builder.outer(call.arguments[0], call.arguments[1]);
}

Function of_one(const char* name, NodePtr (*build)(const Call&), bool jumps = false) {
  return {name, 1, 1, fmt::format("{}(x)", name), build, jumps};
}

std::vector<Function> make_functions() {
  constexpr std::size_t any_number = 64;
  std::vector<Function> made{
      of_one("exp", elementwise<Operation::exp>),
      of_one("log", elementwise<Operation::log>),
      of_one("sqrt", elementwise<Operation::sqrt>),
      of_one("rsqrt", elementwise<Operation::rsqrt>),
      of_one("square", elementwise<Operation::square>),
      of_one("abs", elementwise<Operation::abs>),
      of_one("sign", elementwise<Operation::sign>, true),
      of_one("step", elementwise<Operation::step>, true),
      of_one("relu", elementwise<Operation::relu>),
      of_one("sin", elementwise<Operation::sin>),
      of_one("cos", elementwise<Operation::cos>),
      of_one("tan", elementwise<Operation::tan>),
      of_one("asin", elementwise<Operation::asin>),
      of_one("acos", elementwise<Operation::acos>),
      of_one("atan", elementwise<Operation::atan>),
      of_one("tanh", elementwise<Operation::tanh>),
      of_one("xlogx", elementwise<Operation::xlogx>),
      of_one("sinc", elementwise<Operation::sinc>),
      of_one("round", elementwise<Operation::round>, true),
      of_one("floor", elementwise<Operation::floor>, true),
      {"atan2", 2, 2, "atan2(y, x)", elementwise_pair<Operation::atan2>},
      {"mod", 2, 2, "mod(a, b)", elementwise_pair<Operation::mod>, true},
      {"min", 2, any_number, "min(a, b, ...)", elementwise_several<Operation::min>},
      {"max", 2, any_number, "max(a, b, ...)", elementwise_several<Operation::max>},
      {"clamp", 3, 3, "clamp(x, low, high)", clamp},
      {"where", 3, 3, "where(condition, a, b)", where},
      {"sum", 1, 1, "sum(v)", sum},
      {"dot", 2, 2, "dot(v, w)", dot},
      {"norm", 1, 1, "norm(v)", norm},
      {"sqnorm", 1, 1, "sqnorm(v)", sqnorm},
      {"normalize", 1, 1, "normalize(v)", normalize},
      {"sqdist", 2, 3, "sqdist(x, y) or sqdist(x, y, weight)", sqdist},
      {"elem", 2, 2, "elem(v, index)", elem},
      {"slice", 3, 3, "slice(v, begin, count)", slice},
      {"concat", 1, any_number, "concat(v, w, ...)", concat},
      {"matvec", 2, 2, "matvec(M, v)", matvec},
      {"vecmat", 2, 2, "vecmat(M, v)", vecmat},
      {"outer", 2, 2, "outer(v, w)", outer},
  };
  for (Function& function : covariance_functions()) made.push_back(std::move(function));
  return made;
}

}  // namespace

std::string describe_dimension(int dimension) {
  return dimension == 1 ? "a scalar" : fmt::format("a vector of {}", dimension);
}

void Call::fail(const std::string& what) const {
  formulas::fail_at(source, syntax.span, what);
}

void Call::fail_argument(std::size_t which, const std::string& what) const {
  formulas::fail_at(source, syntax.arguments[which]->span, what);
}

int Call::whole_number(std::size_t which, int least, int most, const char* what) const {
  const std::optional<double> value = constant_value(arguments[which]);
  if (!value || arguments[which]->dimension != 1 || *value != std::floor(*value)) {
    fail_argument(which, fmt::format("{} must be a whole number, written out", what));
  }
  if (*value < least || *value > most) {
    fail_argument(which,
                  fmt::format("{} must be from {} to {}; it is {}", what, least, most, *value));
  }
  return static_cast<int>(*value);
}

void Call::expect_scalar(std::size_t which) const {
  if (arguments[which]->dimension == 1) return;
  fail_argument(which, fmt::format("'{}' must be a scalar; it is {}",
                                   formulas::excerpt(source, syntax.arguments[which]->span),
                                   describe_dimension(arguments[which]->dimension)));
}

void Call::expect_conforming(std::size_t first, std::size_t second) const {
  if (arguments[first]->dimension == 1 || arguments[second]->dimension == 1) return;
  expect_equal_dimensions(first, second);
}

void Call::expect_equal_dimensions(std::size_t first, std::size_t second) const {
  if (arguments[first]->dimension == arguments[second]->dimension) return;
  fail(fmt::format("the dimensions do not conform in {}(): '{}' is {} and '{}' is {}", syntax.text,
                   formulas::excerpt(source, syntax.arguments[first]->span),
                   describe_dimension(arguments[first]->dimension),
                   formulas::excerpt(source, syntax.arguments[second]->span),
                   describe_dimension(arguments[second]->dimension)));
}

const std::vector<Function>& functions() {
  static const std::vector<Function> all = make_functions();
  return all;
}

const Function* find_function(const std::string& name) {
  for (const Function& function : functions()) {
    if (function.name == name) return &function;
  }
  return nullptr;
}

std::vector<std::string> function_names() {
  std::vector<std::string> names;
  for (const Function& function : functions()) names.push_back(function.name);
  return names;
}

}  // namespace kronwerk::kernels
