// Declared in kernels/formula/functions.hpp.
// Covariance functions of the distance d (or of the points themselves), in the forms of Rasmussen
// and Williams, Gaussian Processes for Machine Learning (2006), chapter 4: with r = d/l,
//
//   rbf(d, l)                        exp(-r²/2)                            (4.9)
//   exponential(d, l)                exp(-r)                               (4.18)
//   matern32(d, l)                   (1 + √3 r) exp(-√3 r)                 (4.17)
//   matern52(d, l)                   (1 + √5 r + 5r²/3) exp(-√5 r)         (4.17)
//   rational_quadratic(d, l, alpha)  (1 + r²/(2 alpha))^-alpha             (4.19)
//   periodic(d, l, period)           exp(-2 sin²(π d/period)/l²)           (4.31)
//   cosine(d, period)                cos(2π d/period)
//   linear(offset)                   x·y + offset                          (4.2.2)
//   polynomial(degree, offset)       (x·y + offset)^degree                 (4.2.2)
//   white()                          1 if i = j, else 0
//
// Everything goes through d² where it can: d has no derivative at equal points, d² has.
#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "kernels/formula/functions.hpp"
#include "kronwerk/core/earth.hpp"

namespace kronwerk::kernels {
namespace {

NodePtr point(const Call& call, const std::string& name) {
  return call.builder.variable(name, call.symbols.variables.at(name));
}

void expect_points(const Call& call) {
  if (!call.symbols.first_point.empty()) return;
  call.fail(
      fmt::format("'{}' is of two points, and none are named here: write it out, such as "
                  "norm(x - y) for 'd' or dot(x, y)",
                  formulas::excerpt(call.source, call.syntax.span)));
}

/// 2R asin(min(1, √h)) with h = sin²(Δφ/2) + cos φ₁ cos φ₂ sin²(Δλ/2) (Sinnott 1984).
NodePtr great_circle_distance(const Call& call) {
  Builder& b = call.builder;
  const NodePtr first = b.multiply(std::numbers::pi / 180, point(call, call.symbols.first_point));
  const NodePtr second = b.multiply(std::numbers::pi / 180, point(call, call.symbols.second_point));
  const auto half_sine_squared = [&](int component) {
    const NodePtr difference =
        b.subtract(b.slice(first, component, 1), b.slice(second, component, 1));
    return b.square(b.apply(Operation::sin, b.multiply(0.5, difference)));
  };
  const NodePtr cosines = b.multiply(b.apply(Operation::cos, b.slice(first, 1, 1)),
                                     b.apply(Operation::cos, b.slice(second, 1, 1)));
  const NodePtr h = b.add(half_sine_squared(1), b.multiply(cosines, half_sine_squared(0)));
  const NodePtr sine = b.apply(Operation::min, b.number(1), b.sqrt(h));
  return b.multiply(2 * core::earth_radius, b.apply(Operation::asin, sine));
}

bool is_distance(const formulas::Syntax& syntax) {
  if (syntax.kind == formulas::SyntaxKind::parentheses) return is_distance(*syntax.arguments[0]);
  return syntax.kind == formulas::SyntaxKind::name && syntax.text == "d";
}

/// (d/l)² of the first two arguments. A vector l has one length scale per dimension: the squared
/// distance of the scaled points, Σ ((x_c - y_c)/l_c)², differences first, which keeps them exact
/// for points that are far from 0.
NodePtr squared_scaled_distance(const Call& call) {
  Builder& b = call.builder;
  call.expect_scalar(0);
  const NodePtr& scale = call.arguments[1];
  if (scale->dimension == 1) return b.divide(b.square(call.arguments[0]), b.square(scale));
  if (call.symbols.first_point.empty() || !is_distance(*call.syntax.arguments[0]) ||
      call.symbols.distance != Distance::euclidean) {
    call.fail_argument(1, "one length scale per dimension is for the euclidean distance 'd' only");
  }
  const NodePtr first = point(call, call.symbols.first_point);
  const NodePtr second = point(call, call.symbols.second_point);
  if (scale->dimension != first->dimension) {
    call.fail_argument(1, fmt::format("the points have dimension {}, and there are {} length "
                                      "scales; give one, or one per dimension",
                                      first->dimension, scale->dimension));
  }
  const NodePtr weight = b.reciprocal(b.square(scale));
  return b.dot(weight, b.square(b.subtract(first, second)));
}

/// d/l of a scalar l, else the root of the squared distance.
NodePtr scaled_distance(const Call& call) {
  Builder& b = call.builder;
  if (call.arguments[1]->dimension > 1) return b.sqrt(squared_scaled_distance(call));
  call.expect_scalar(0);
  return b.divide(call.arguments[0], call.arguments[1]);
}

/// √n d/l of a Matérn function, at most where exp(-t) is 0 in every precision: the polynomials that
/// are multiplied by it stay finite.
NodePtr matern_distance(const Call& call, double root) {
  constexpr double far = 1000;
  Builder& b = call.builder;
  return b.apply(Operation::min, b.multiply(root, scaled_distance(call)), b.number(far));
}

NodePtr rbf(const Call& call) {
  Builder& b = call.builder;
  return b.exp(b.multiply(-0.5, squared_scaled_distance(call)));
}

NodePtr exponential(const Call& call) {
  Builder& b = call.builder;
  return b.exp(b.negate(scaled_distance(call)));
}

NodePtr matern32(const Call& call) {
  Builder& b = call.builder;
  const NodePtr t = matern_distance(call, std::numbers::sqrt3);
  return b.multiply(b.add(b.number(1), t), b.exp(b.negate(t)));
}

NodePtr matern52(const Call& call) {
  Builder& b = call.builder;
  const NodePtr t = matern_distance(call, std::sqrt(5.0));
  const NodePtr squared = b.multiply(1.0 / 3, b.square(t));
  return b.multiply(b.add(b.add(b.number(1), t), squared), b.exp(b.negate(t)));
}

NodePtr rational_quadratic(const Call& call) {
  Builder& b = call.builder;
  call.expect_scalar(2);
  const NodePtr& alpha = call.arguments[2];
  const NodePtr relative = b.divide(squared_scaled_distance(call), b.multiply(2, alpha));
  return b.power(b.add(b.number(1), relative), b.negate(alpha));
}

NodePtr periodic(const Call& call) {
  Builder& b = call.builder;
  for (const std::size_t k : {0, 1, 2}) call.expect_scalar(k);
  const NodePtr phase =
      b.multiply(std::numbers::pi, b.divide(call.arguments[0], call.arguments[2]));
  const NodePtr squared = b.square(b.apply(Operation::sin, phase));
  return b.exp(b.multiply(-2, b.divide(squared, b.square(call.arguments[1]))));
}

NodePtr cosine(const Call& call) {
  Builder& b = call.builder;
  for (const std::size_t k : {0, 1}) call.expect_scalar(k);
  return b.apply(Operation::cos,
                 b.multiply(2 * std::numbers::pi, b.divide(call.arguments[0], call.arguments[1])));
}

/// x·y + the argument `offset`, if it is there.
NodePtr inner_product(const Call& call, std::size_t offset) {
  expect_points(call);
  if (call.symbols.distance != Distance::euclidean) {
    call.fail(
        fmt::format("{}() multiplies coordinates, which has no meaning for longitudes and "
                    "latitudes",
                    call.syntax.text));
  }
  const NodePtr product = call.builder.dot(point(call, call.symbols.first_point),
                                           point(call, call.symbols.second_point));
  if (call.arguments.size() <= offset) return product;
  call.expect_scalar(offset);
  return call.builder.add(product, call.arguments[offset]);
}

NodePtr linear(const Call& call) {
  return inner_product(call, 0);
}

NodePtr polynomial(const Call& call) {
  const int degree = call.whole_number(0, 1, 64, "the degree");
  return call.builder.power_integer(inner_product(call, 1), degree);
}

/// A new point is no training point, even at the same place: cross-covariances are evaluated at
/// indices of their own.
NodePtr white(const Call& call) {
  return call.builder.apply(Operation::equal, call.builder.row(), call.builder.column());
}

}  // namespace

NodePtr squared_distance(const Call& call) {
  expect_points(call);
  if (call.symbols.distance == Distance::great_circle) {
    return call.builder.square(great_circle_distance(call));
  }
  return call.builder.sqdist(point(call, call.symbols.first_point),
                             point(call, call.symbols.second_point));
}

NodePtr distance(const Call& call) {
  expect_points(call);
  if (call.symbols.distance == Distance::great_circle) return great_circle_distance(call);
  return call.builder.sqrt(squared_distance(call));
}

std::vector<Function> covariance_functions() {
  return {
      {"rbf", 2, 2, "rbf(d, length_scale)", rbf},
      {"exponential", 2, 2, "exponential(d, length_scale)", exponential},
      {"matern32", 2, 2, "matern32(d, length_scale)", matern32},
      {"matern52", 2, 2, "matern52(d, length_scale)", matern52},
      {"rational_quadratic", 3, 3, "rational_quadratic(d, length_scale, alpha)",
       rational_quadratic},
      {"periodic", 3, 3, "periodic(d, length_scale, period)", periodic},
      {"cosine", 2, 2, "cosine(d, period)", cosine},
      {"linear", 0, 1, "linear() or linear(offset)", linear},
      {"polynomial", 1, 2, "polynomial(degree) or polynomial(degree, offset)", polynomial},
      {"white", 0, 0, "white()", white},
  };
}

}  // namespace kronwerk::kernels
