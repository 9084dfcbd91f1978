#include "models/fit/recorded_density.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kronwerk/core/error.hpp"

namespace kronwerk::models {

std::optional<Evaluation> RecordedDensity::operator()(std::span<const double> parameters,
                                                      const std::function<void()>& on_new) {
  if (repeating() && std::ranges::equal(calls_[next_].parameters, parameters)) {
    const RecordedEvaluation& call = calls_[next_++];
    return call.defined ? std::optional(call.result) : std::nullopt;
  }
  calls_.resize(next_);
  auto result = call(parameters);
  calls_.push_back(
      {{parameters.begin(), parameters.end()}, result.has_value(), result.value_or(Evaluation{})});
  next_ = calls_.size();
  if (on_new) on_new();
  return result;
}

std::optional<Evaluation> RecordedDensity::call(std::span<const double> parameters) {
  Evaluation result;
  try {
    result = (*log_density_)(parameters);
  } catch (const core::Error& error) {
    const bool avoided =
        error.kind() == core::ErrorKind::data || error.kind() == core::ErrorKind::singular;
    if (!avoided) throw;
    failure_ = std::current_exception();
    return std::nullopt;
  }
  if (result.gradient.size() != parameters.size()) {
    throw core::InternalError(fmt::format("the gradient has {} entries for {} parameters",
                                          result.gradient.size(), parameters.size()));
  }
  bool finite = std::isfinite(result.value);
  for (const double each : result.gradient) finite = finite && std::isfinite(each);
  return finite ? std::optional(std::move(result)) : std::nullopt;
}

}  // namespace kronwerk::models
