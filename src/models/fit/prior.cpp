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

const std::array<Description, 8>& descriptions() {
  static const std::array<Description, 8> table{{
      {"normal", {"mean", "sd"}},
      {"lognormal", {"mean", "sd"}},
      {"gamma", {"shape", "rate"}},
      {"half_normal", {"sd"}},
      {"uniform", {"lower", "upper"}},
      {"inverse_gamma", {"shape", "scale"}},
      {"exponential", {"rate"}},
      {"student_t", {"df", "mean", "scale"}},
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

double square(double x) {
  return x * x;
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

Prior::Prior(Kind kind, double first, double second, double third)
    : kind_(kind), first_(first), second_(second), third_(third) {
  const auto refuse = [&](const std::string& what) {
    throw core::ConfigurationError(fmt::format("the prior {}: {}", to_text(), what));
  };
  if (!std::isfinite(first) || !std::isfinite(second) || !std::isfinite(third)) {
    refuse("its arguments must be finite");
  }
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
    case Kind::inverse_gamma:
      if (first <= 0 || second <= 0) refuse("shape and scale must be positive");
      break;
    case Kind::exponential:
      if (first <= 0) refuse("the rate must be positive");
      break;
    case Kind::student_t:
      if (first <= 0 || third <= 0) refuse("degrees of freedom and scale must be positive");
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
        fmt::format("{}({}) takes {} {}; found {}", *found, core::join(wanted, ", "), wanted.size(),
                    wanted.size() == 1 ? "argument" : "arguments", syntax->arguments.size()));
  }
  std::array<double, 3> values{};
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    values[i] = number_of(source, *syntax->arguments[i]);
  }
  try {
    return {kind, values[0], values[1], values[2]};
  } catch (const core::Error& error) {
    formulas::fail_at(source, syntax->span, error.what());
  }
}

double Prior::standardised(double x) const {
  return (x - second_) / third_;
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
    case Kind::inverse_gamma:
      return -(first_ + 1) * std::log(x) - second_ / x + first_ * std::log(second_) -
             std::lgamma(first_);
    case Kind::exponential:
      return std::log(first_) - first_ * x;
    case Kind::student_t:
      return std::lgamma((first_ + 1) / 2) - std::lgamma(first_ / 2) -
             0.5 * std::log(first_ * std::numbers::pi) - std::log(third_) -
             (first_ + 1) / 2 * std::log1p(square(standardised(x)) / first_);
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
    case Kind::inverse_gamma:
      return (second_ / x - first_ - 1) / x;
    case Kind::exponential:
      return -first_;
    case Kind::student_t: {
      const double z = standardised(x);
      return -(first_ + 1) * z / (third_ * (first_ + z * z));
    }
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
    case Kind::inverse_gamma:
      return (first_ + 1 - 2 * second_ / x) * inverse;
    case Kind::exponential:
      return 0;
    case Kind::student_t: {
      const double z2 = square(standardised(x));
      return -(first_ + 1) * (first_ - z2) / square(third_ * (first_ + z2));
    }
    case Kind::uniform:
      break;
  }
  return 0;
}

double Prior::lower() const {
  if (kind_ == Kind::normal || kind_ == Kind::student_t) return -infinity;
  return kind_ == Kind::uniform ? first_ : 0;
}

double Prior::upper() const {
  return kind_ == Kind::uniform ? second_ : infinity;
}

bool Prior::contains(double x) const {
  const bool open =
      kind_ == Kind::lognormal || kind_ == Kind::gamma || kind_ == Kind::inverse_gamma;
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
    case Kind::inverse_gamma:  // about where the density is largest, also where it has no moments
      return second_ / (first_ + 1);
    case Kind::exponential:
      return 1 / first_;
    case Kind::student_t:
      return first_ > 2 ? third_ * std::sqrt(first_ / (first_ - 2)) : third_;
    case Kind::uniform:
      break;
  }
  return (second_ - first_) / 2;
}

double Prior::sample(std::uint64_t seed, Index draw) const {
  if (kind_ == Kind::gamma) return standard_gamma(first_, seed, draw) / second_;
  if (kind_ == Kind::inverse_gamma) return second_ / standard_gamma(first_, seed, draw);
  std::array<double, 1> number{};
  const auto kind = kind_ == Kind::uniform || kind_ == Kind::exponential
                        ? operators::RandomKind::uniform
                        : operators::RandomKind::normal;
  // Other numbers than those that a gamma draw of the same place takes.
  const std::uint64_t stream = kind_ == Kind::student_t ? 1 : 0;
  operators::fill_random(kind, seed, stream, draw * numbers_per_draw, number);
  switch (kind_) {
    case Kind::normal:
      return first_ + second_ * number[0];
    case Kind::lognormal:
      return std::exp(first_ + second_ * number[0]);
    case Kind::half_normal:
      return first_ * std::abs(number[0]);
    case Kind::exponential:
      return -std::log1p(-number[0]) / first_;
    case Kind::student_t:
      return second_ +
             third_ * number[0] * std::sqrt(first_ / 2 / standard_gamma(first_ / 2, seed, draw));
    default:
      return first_ + (second_ - first_) * number[0];
  }
}

std::string Prior::to_text() const {
  const auto& description = describe(kind_);
  std::vector<std::string> arguments;
  for (const double each : {first_, second_, third_}) arguments.push_back(fmt::format("{}", each));
  arguments.resize(description.arguments.size());
  return fmt::format("{}({})", description.name, core::join(arguments, ", "));
}

}  // namespace kronwerk::models
