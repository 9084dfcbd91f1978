#include "models/fit/fit_coordinates.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "kronwerk/core/error.hpp"
#include "kronwerk/operators/base/random.hpp"

namespace kronwerk::models {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
// An iteration multiplies or divides a positive parameter by at most exp of this.
constexpr double longest_log_step = 2;
// Numbers of the random sequence for one parameter of one start and attempt.
constexpr Index random_stride = 2;

bool within(const Support& support, double x) {
  return std::isfinite(x) && x >= support.lower && x <= support.upper;
}

}  // namespace

Support support_of(const FitParameter& parameter) {
  Support support{-infinity, infinity};
  if (parameter.lower) {
    support.lower = *parameter.lower;
  } else if (!parameter.prior && !(parameter.upper && *parameter.upper <= 0)) {
    support.lower = 0;
  }
  if (parameter.upper) support.upper = *parameter.upper;
  if (parameter.prior) {
    support.lower = std::max(support.lower, parameter.prior->lower());
    support.upper = std::min(support.upper, parameter.prior->upper());
  }
  if (support.lower < support.upper) return support;
  throw core::ConfigurationError(fmt::format(
      "the parameter '{}' has nowhere to go: its bounds{} leave nothing between {} and {}",
      parameter.name,
      parameter.prior ? " and the prior " + parameter.prior->to_text() : std::string(),
      support.lower, support.upper));
}

bool Coordinate::allows(double x) const {
  return within(support, x) && (!parameter.prior || parameter.prior->contains(x)) &&
         (scale == Scale::identity || x > 0);
}

double Coordinate::longest_step() const {
  if (scale == Scale::log) return longest_log_step;
  if (parameter.prior) return 4 * parameter.prior->spread();
  const double width = support.upper - support.lower;
  return std::isfinite(width) ? width : infinity;
}

double Coordinate::draw(std::uint64_t seed, Index number) const {
  if (parameter.prior) return parameter.prior->sample(seed, number);
  std::array<double, random_stride> values{};
  const bool interval =
      scale == Scale::identity && std::isfinite(support.lower) && std::isfinite(support.upper);
  operators::fill_random(interval ? operators::RandomKind::uniform : operators::RandomKind::normal,
                         seed, number * random_stride, values);
  if (interval) return support.lower + values[0] * (support.upper - support.lower);
  const double initial = parameter.initial;
  return scale == Scale::log ? initial * std::exp(values[0])
                             : initial + values[0] * std::max(1.0, std::abs(initial));
}

std::vector<Coordinate> coordinates_of(const std::vector<FitParameter>& parameters) {
  std::vector<Coordinate> coordinates;
  for (const auto& parameter : parameters) {
    Coordinate coordinate{parameter, support_of(parameter), Scale::identity};
    if (!parameter.unscaled) coordinate.scale = choose_scale(coordinate.support.lower);
    if (!coordinate.allows(parameter.initial)) {
      throw core::ConfigurationError(fmt::format(
          "the parameter '{}' begins at {}, outside of its support: {}between {} and {}{}",
          parameter.name, parameter.initial, coordinate.scale == Scale::log ? "positive and " : "",
          coordinate.support.lower, coordinate.support.upper,
          parameter.prior ? ", with the prior " + parameter.prior->to_text() : std::string()));
    }
    coordinates.push_back(std::move(coordinate));
  }
  if (coordinates.empty()) throw core::ConfigurationError("there is no parameter to fit");
  return coordinates;
}

std::vector<double> beginning_of(const std::vector<Coordinate>& coordinates, std::uint64_t seed,
                                 Index start, Index attempt) {
  std::vector<double> parameters;
  for (std::size_t i = 0; i < coordinates.size(); ++i) {
    const auto& each = coordinates[i];
    double x = each.parameter.initial;
    const auto count = static_cast<Index>(coordinates.size());
    for (Index again = 0; start > 0 && again < start_attempts; ++again) {
      const Index number = ((start * start_attempts + attempt) * start_attempts + again) * count +
                           static_cast<Index>(i);
      x = each.draw(seed, number);
      if (each.allows(x)) break;
      x = each.parameter.initial;
    }
    parameters.push_back(x);
  }
  return parameters;
}

}  // namespace kronwerk::models
