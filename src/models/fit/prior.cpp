#include "kronwerk/models/fit/prior.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "kronwerk/core/error.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/formulas/syntax.hpp"
#include "kronwerk/operators/base/random.hpp"
#include "kronwerk/operators/products/kronecker_product.hpp"

namespace kronwerk::models {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

struct Description {
  std::string name;
  std::vector<std::string> arguments;
};

const std::array<Description, 5>& descriptions() {
  static const std::array<Description, 5> table{{
      {"normal", {"mean", "sd"}},
      {"lognormal", {"mean", "sd"}},
      {"gamma", {"shape", "rate"}},
      {"half_normal", {"sd"}},
      {"uniform", {"lower", "upper"}},
  }};
  return table;
}

const Description& describe(Prior::Kind kind) {
  return descriptions()[static_cast<std::size_t>(kind)];
}

/// The number that an argument is; signs are the only operations.
double number_of(const formulas::Source& source, const formulas::Syntax& syntax) {
  switch (syntax.kind) {
    case formulas::SyntaxKind::number:
      return syntax.value;
    case formulas::SyntaxKind::plus:
      return number_of(source, *syntax.arguments[0]);
    case formulas::SyntaxKind::minus:
      return -number_of(source, *syntax.arguments[0]);
    default:
      formulas::fail_at(source, syntax.span, "a prior's arguments are numbers");
  }
}

/// log of the normal density of z = (x - mean) / sd, without the 1 / sd.
double log_standard_normal(double z) {
  return -0.5 * z * z - 0.5 * std::log(2 * std::numbers::pi);
}

constexpr Index numbers_per_draw = 128;

/// Marsaglia and Tsang (2000): for shape ≥ 1, d v³ with v = 1 + c z is accepted with a probability
/// of more than 0.95; for less, the draw for shape + 1 times U^(1/shape).
double standard_gamma(double shape, std::uint64_t seed, Index draw) {
  std::array<double, numbers_per_draw> normals{};
  std::array<double, numbers_per_draw> uniforms{};
  const Index first = draw * numbers_per_draw;
  operators::fill_random(operators::RandomKind::normal, seed, first, normals);
  // Other bits than those the normal numbers are made of.
  operators::fill_random(operators::RandomKind::uniform, ~seed, first, uniforms);
  const double boost = shape < 1 ? std::pow(1 - uniforms[0], 1 / shape) : 1;
  const double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  for (std::size_t i = 1; i < normals.size(); ++i) {
    const double z = normals[i];
    const double root = 1 + c * z;
    if (root <= 0) continue;
    const double v = root * root * root;
    if (std::log(1 - uniforms[i]) < 0.5 * z * z + d - d * v + d * std::log(v)) return boost * d * v;
  }
  return boost * d;  // once in 20^127 draws
}

}  // namespace

Prior::Prior(Kind kind, double first, double second) : kind_(kind), first_(first), second_(second) {
  const auto refuse = [&](const std::string& what) {
    throw core::ConfigurationError(fmt::format("the prior {}: {}", to_text(), what));
  };
  if (!std::isfinite(first) || !std::isfinite(second)) refuse("its arguments must be finite");
  switch (kind) {
    case Kind::normal:
    case Kind::lognormal:
      if (second <= 0) refuse("the standard deviation must be positive");
      break;
    case Kind::gamma:
      if (first <= 0 || second <= 0) refuse("shape and rate must be positive");
      break;
    case Kind::half_normal:
      if (first <= 0) refuse("the standard deviation must be positive");
      break;
    case Kind::uniform:
      if (first >= second) refuse("the lower end must be below the upper end");
      break;
  }
}

Prior Prior::parse(const formulas::Source& source) {
  const auto syntax = formulas::parse(source);
  std::vector<std::string> names;
  for (const auto& each : descriptions()) names.push_back(each.name);
  if (syntax->kind != formulas::SyntaxKind::call) {
    formulas::fail_at(source, syntax->span,
                      fmt::format("a prior is one of {}, with its arguments in parentheses",
                                  core::join(names, ", ")));
  }
  const auto found = std::find(names.begin(), names.end(), syntax->text);
  if (found == names.end()) {
    formulas::fail_at(source, syntax->head,
                      fmt::format("unknown prior '{}'{}; expected one of {}", syntax->text,
                                  core::suggestion(syntax->text, names), core::join(names, ", ")));
  }
  const auto kind = static_cast<Kind>(found - names.begin());
  const auto& wanted = describe(kind).arguments;
  if (syntax->arguments.size() != wanted.size()) {
    formulas::fail_at(
        source, syntax->span,
        fmt::format("{}({}) takes {} arguments; found {}", *found, core::join(wanted, ", "),
                    wanted.size(), syntax->arguments.size()));
  }
  std::array<double, 2> values{};
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    values[i] = number_of(source, *syntax->arguments[i]);
  }
  try {
    return Prior(kind, values[0], values[1]);
  } catch (const core::Error& error) {
    formulas::fail_at(source, syntax->span, error.what());
  }
}

double Prior::log_density(double x) const {
  if (!contains(x)) return -infinity;
  switch (kind_) {
    case Kind::normal:
      return log_standard_normal((x - first_) / second_) - std::log(second_);
    case Kind::lognormal:
      return log_standard_normal((std::log(x) - first_) / second_) - std::log(second_ * x);
    case Kind::gamma:
      return (first_ - 1) * std::log(x) - second_ * x + first_ * std::log(second_) -
             std::lgamma(first_);
    case Kind::half_normal:
      return log_standard_normal(x / first_) - std::log(first_ / 2);
    case Kind::uniform:
      break;
  }
  return -std::log(second_ - first_);
}

double Prior::derivative(double x) const {
  if (!contains(x)) return 0;
  switch (kind_) {
    case Kind::normal:
      return -(x - first_) / (second_ * second_);
    case Kind::lognormal:
      return -((std::log(x) - first_) / (second_ * second_) + 1) / x;
    case Kind::gamma:
      return (first_ - 1) / x - second_;
    case Kind::half_normal:
      return -x / (first_ * first_);
    case Kind::uniform:
      break;
  }
  return 0;
}

double Prior::second_derivative(double x) const {
  if (!contains(x)) return 0;
  const double inverse = 1 / (x * x);
  switch (kind_) {
    case Kind::normal:
      return -1 / (second_ * second_);
    case Kind::lognormal:
      return inverse * (1 + (std::log(x) - first_ - 1) / (second_ * second_));
    case Kind::gamma:
      return -(first_ - 1) * inverse;
    case Kind::half_normal:
      return -1 / (first_ * first_);
    case Kind::uniform:
      break;
  }
  return 0;
}

double Prior::lower() const {
  if (kind_ == Kind::normal) return -infinity;
  return kind_ == Kind::uniform ? first_ : 0;
}

double Prior::upper() const {
  return kind_ == Kind::uniform ? second_ : infinity;
}

bool Prior::contains(double x) const {
  const bool open = kind_ == Kind::lognormal || kind_ == Kind::gamma;
  return (open ? x > 0 : x >= lower()) && x <= upper() && std::isfinite(x);
}

double Prior::spread() const {
  switch (kind_) {
    case Kind::normal:
      return second_;
    case Kind::lognormal:
      return std::sqrt(std::expm1(second_ * second_)) * std::exp(first_ + second_ * second_ / 2);
    case Kind::gamma:
      return std::sqrt(first_) / second_;
    case Kind::half_normal:
      return first_;
    case Kind::uniform:
      break;
  }
  return (second_ - first_) / 2;
}

double Prior::sample(std::uint64_t seed, Index draw) const {
  if (kind_ == Kind::gamma) return standard_gamma(first_, seed, draw) / second_;
  std::array<double, 1> number{};
  const auto kind =
      kind_ == Kind::uniform ? operators::RandomKind::uniform : operators::RandomKind::normal;
  operators::fill_random(kind, seed, draw * numbers_per_draw, number);
  switch (kind_) {
    case Kind::normal:
      return first_ + second_ * number[0];
    case Kind::lognormal:
      return std::exp(first_ + second_ * number[0]);
    case Kind::half_normal:
      return first_ * std::abs(number[0]);
    default:
      return first_ + (second_ - first_) * number[0];
  }
}

std::string Prior::to_text() const {
  const auto& description = describe(kind_);
  return description.arguments.size() == 1
             ? fmt::format("{}({})", description.name, first_)
             : fmt::format("{}({}, {})", description.name, first_, second_);
}

}  // namespace kronwerk::models
