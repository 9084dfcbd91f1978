#include "models/fit/fit_objective.hpp"

#include <algorithm>
#include <cmath>

namespace kronwerk::models {

std::optional<Evaluation> FitObjective::evaluate(std::span<const double> parameters) {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (!coordinates_[i].allows(parameters[i])) return std::nullopt;
  }
  ++evaluations_;
  auto result = density_(parameters, on_new);
  if (result) add_priors(parameters, *result);
  return result;
}

void FitObjective::add_priors(std::span<const double> parameters, Evaluation& result) const {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto& prior = coordinates_[i].parameter.prior;
    if (!prior) continue;
    result.value += prior->log_density(parameters[i]);
    result.gradient[i] += prior->derivative(parameters[i]);
  }
}

std::vector<double> FitObjective::to_free(std::span<const double> parameters) const {
  std::vector<double> free(parameters.size());
  for (std::size_t i = 0; i < free.size(); ++i) {
    free[i] = models::to_free(coordinates_[i].scale, parameters[i]);
  }
  return free;
}

std::vector<double> FitObjective::from_free(std::span<const double> free) const {
  std::vector<double> parameters(free.size());
  for (std::size_t i = 0; i < free.size(); ++i) {
    const auto& [parameter, support, scale] = coordinates_[i];
    // A bound is the bound, whatever exp(log) rounds to.
    parameters[i] = std::clamp(models::from_free(scale, free[i]), support.lower, support.upper);
  }
  return parameters;
}

std::optional<MinimisePoint> FitObjective::negative(std::span<const double> free) {
  const auto parameters = from_free(free);
  auto result = evaluate(parameters);
  if (!result) return std::nullopt;
  double error = 0;
  for (std::size_t i = 0; i < free.size(); ++i) {
    const double derivative = derivative_of(coordinates_[i].scale, parameters[i]);
    result->gradient[i] *= -derivative;
    if (i < result->gradient_errors.size()) {
      error = std::max(error, std::abs(derivative * result->gradient_errors[i]));
    }
  }
  return MinimisePoint{
      {free.begin(), free.end()}, -result->value, std::move(result->gradient), error};
}

MinimiseSettings FitObjective::limits() const {
  MinimiseSettings settings;
  for (const auto& each : coordinates_) {
    settings.lower.push_back(models::to_free(each.scale, each.support.lower));
    settings.upper.push_back(models::to_free(each.scale, each.support.upper));
    settings.longest_step.push_back(each.longest_step());
  }
  return settings;
}

}  // namespace kronwerk::models
