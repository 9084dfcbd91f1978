#include "kronwerk/models/posterior/posterior_density.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kronwerk/core/error.hpp"

namespace kronwerk::models {

bool PosteriorParameter::proper() const {
  return prior.has_value() || (std::isfinite(lower) && std::isfinite(upper));
}

BoundedSupport bounded_support(const PosteriorParameter& parameter) {
  if (!parameter.prior) return {parameter.lower, parameter.upper};
  return {std::max(parameter.lower, parameter.prior->lower()),
          std::min(parameter.upper, parameter.prior->upper())};
}

double BoundedSupport::inside(double x) const {
  if (x > lower && x < upper) return x;
  if (std::isfinite(lower) && std::isfinite(upper)) {
    const double margin = 0.1 * (upper - lower);
    return std::clamp(x, lower + margin, upper - margin);
  }
  const double margin = 1;
  return x <= lower ? lower + margin : upper - margin;
}

PosteriorParameter bounded(PosteriorParameter parameter) {
  const auto text = [&] {
    return parameter.prior ? " and the prior " + parameter.prior->to_text() : std::string();
  };
  const auto support = bounded_support(parameter);
  parameter.lower = support.lower;
  parameter.upper = support.upper;
  if (!(parameter.lower < parameter.upper)) {
    throw core::ConfigurationError(fmt::format(
        "the parameter '{}' has nowhere to go: its bounds{} leave nothing between {} and {}",
        parameter.name, text(), parameter.lower, parameter.upper));
  }
  if (parameter.initial > parameter.lower && parameter.initial < parameter.upper) return parameter;
  throw core::ConfigurationError(fmt::format(
      "the parameter '{}' begins at {}, which is not inside of its support: its bounds{} leave "
      "what is between {} and {}",
      parameter.name, parameter.initial, text(), parameter.lower, parameter.upper));
}

FreeValue from_free(const PosteriorParameter& parameter, double u) {
  const bool below = std::isfinite(parameter.lower);
  const bool above = std::isfinite(parameter.upper);
  FreeValue value;
  if (below && above) {
    const double width = parameter.upper - parameter.lower;
    const double small = std::exp(-std::abs(u));  // never overflows
    const double part = 1 / (1 + small);          // of the longer side
    const double rest = small / (1 + small);
    value.x = u > 0 ? parameter.upper - width * rest : parameter.lower + width * rest;
    value.derivative = width * part * rest;
    value.log_jacobian = std::log(width) - std::abs(u) - 2 * std::log1p(small);
    value.jacobian_slope = u > 0 ? rest - part : part - rest;
  } else if (below || above) {
    const double distance = std::exp(u);
    value.x = below ? parameter.lower + distance : parameter.upper - distance;
    value.derivative = below ? distance : -distance;
    value.log_jacobian = u;
    value.jacobian_slope = 1;
  } else {
    value.x = u;
  }
  return value;
}

double to_free(const PosteriorParameter& parameter, double x) {
  const bool below = std::isfinite(parameter.lower);
  const bool above = std::isfinite(parameter.upper);
  if (below && above) return std::log((x - parameter.lower) / (parameter.upper - x));
  if (below) return std::log(x - parameter.lower);
  return above ? std::log(parameter.upper - x) : x;
}

PosteriorDensity::PosteriorDensity(const communication::Communicator& comm,
                                   DensityFunction log_density,
                                   std::vector<PosteriorParameter> parameters)
    : comm_(&comm), log_density_(std::move(log_density)), parameters_(std::move(parameters)) {
  for (auto& each : parameters_) each = bounded(std::move(each));
}

std::vector<double> PosteriorDensity::initial() const {
  std::vector<double> free;
  for (const auto& each : parameters_) free.push_back(to_free(each, each.initial));
  return free;
}

std::vector<double> PosteriorDensity::from_free(std::span<const double> u) const {
  std::vector<double> x;
  for (std::size_t i = 0; i < u.size(); ++i) x.push_back(models::from_free(parameters_[i], u[i]).x);
  return x;
}

std::vector<double> PosteriorDensity::derivatives(std::span<const double> u) const {
  std::vector<double> result;
  for (std::size_t i = 0; i < u.size(); ++i) {
    result.push_back(models::from_free(parameters_[i], u[i]).derivative);
  }
  return result;
}

std::optional<TargetPoint> PosteriorDensity::evaluate_here(std::span<const double> u) {
  std::vector<double> x = from_free(u);
  // A rank whose arithmetic differs in the last bit must not go another way.
  comm_->broadcast(std::span<double>(x));
  std::vector<FreeValue> values;
  TargetPoint point;
  for (std::size_t i = 0; i < u.size(); ++i) {
    const auto& parameter = parameters_[i];
    values.push_back(models::from_free(parameter, u[i]));
    // Rounding takes what is far out to the bounds.
    if (!(x[i] > parameter.lower && x[i] < parameter.upper)) return std::nullopt;
    point.value += values[i].log_jacobian;
    if (parameter.prior) point.value += parameter.prior->log_density(x[i]);
  }
  ++evaluations_;
  Evaluation found;
  try {
    found = log_density_(x);
  } catch (const core::DataError&) {
    return std::nullopt;
  }
  point.value += found.value;
  if (!std::isfinite(point.value)) return std::nullopt;
  for (std::size_t i = 0; i < u.size(); ++i) {
    double slope = found.gradient[i];
    if (parameters_[i].prior) slope += parameters_[i].prior->derivative(x[i]);
    point.gradient.push_back(slope * values[i].derivative + values[i].jacobian_slope);
    if (!std::isfinite(point.gradient.back())) return std::nullopt;
  }
  return point;
}

std::optional<TargetPoint> PosteriorDensity::evaluate(std::span<const double> u) {
  const auto here = evaluate_here(u);
  std::vector<double> numbers(u.size() + 2);
  if (here) {
    numbers[0] = 1;
    numbers[1] = here->value;
    std::ranges::copy(here->gradient, numbers.begin() + 2);
  }
  comm_->broadcast(std::span<double>(numbers));
  if (numbers[0] == 0) return std::nullopt;
  return TargetPoint{numbers[1], {numbers.begin() + 2, numbers.end()}};
}

}  // namespace kronwerk::models
