#include "kronwerk/models/flow_determinants/filter_constraints.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "kronwerk/core/error.hpp"
#include "kronwerk/operators/base/random.hpp"

namespace kronwerk::models {
namespace {

// Distance that is kept from the border of the feasible region, in units of q, which is 1 without
// interaction: where A is singular, its determinant must still be a number.
constexpr double border = 1e-8;
// In the same units, what is as good as on it.
constexpr double near_border = 1e-6;
// Of a random start around the initial values, and its shrinking per attempt.
constexpr double spread = 0.5;
constexpr double shrinking = 0.8;
// Numbers of the random sequence for one parameter of one start and attempt.
constexpr Index attempts_apart = 1024;

std::string values_text(const FlowFilter& filter, std::span<const double> x) {
  std::string text;
  for (std::size_t p = 0; p < filter.parameters().size(); ++p) {
    text += fmt::format("{}{} = {:.6g}", p == 0 ? "" : ", ", filter.parameters()[p], x[p]);
  }
  return text;
}

}  // namespace

FilterConstraints::FilterConstraints(const FlowFilter& filter, FeasibleRegion region,
                                     std::vector<FitParameter> parameters)
    : filter_(&filter), region_(std::move(region)), parameters_(std::move(parameters)) {
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    const FitParameter& parameter = parameters_[p];
    double lower = parameter.lower.value_or(-std::numeric_limits<double>::infinity());
    double upper = parameter.upper.value_or(std::numeric_limits<double>::infinity());
    if (parameter.prior) {
      lower = std::max(lower, parameter.prior->lower());
      upper = std::min(upper, parameter.prior->upper());
    }
    if (!(parameter.initial >= lower && parameter.initial <= upper) ||
        (parameter.prior && !parameter.prior->contains(parameter.initial))) {
      throw core::ConfigurationError(fmt::format(
          "the parameter '{}' begins at {}, outside of its bounds {} and {}{}", parameter.name,
          parameter.initial, lower, upper,
          parameter.prior ? " with the prior " + parameter.prior->to_text() : std::string()));
    }
    if (std::isfinite(lower)) bounds_.push_back({p, lower, 1});
    if (std::isfinite(upper)) bounds_.push_back({p, upper, -1});
  }
  const auto initial = beginning(1, 0, 0);
  const auto values = (*this)(initial).values;
  for (std::size_t r = bounds_.size(); r < values.size(); ++r) {
    if (values[r] >= 0) continue;
    throw core::ConfigurationError(fmt::format(
        "the parameters begin outside of the feasible region of the filter: at {} it is {:.6g} for "
        "{}, and must be positive; begin nearer to a filter without interaction",
        values_text(filter, initial), values[r] + border, region_.names[r - bounds_.size()]));
  }
}

NewtonConstraints FilterConstraints::operator()(std::span<const double> x) const {
  const std::size_t count = parameters_.size();
  NewtonConstraints result;
  result.jacobian.assign((bounds_.size() + region_.rows.size()) * x.size(), 0.0);
  for (const Bound& bound : bounds_) {
    result.jacobian[result.values.size() * x.size() + bound.parameter] = bound.sign;
    result.values.push_back(bound.sign * (x[bound.parameter] - bound.value));
  }
  if (region_.rows.empty()) return result;
  const FilterCoefficients c = filter_->coefficients(x.first(count));
  for (const std::vector<double>& row : region_.rows) {
    double value = -border;
    for (std::size_t t = 0; t < row.size(); ++t) {
      value += row[t] * c.value[t];
      for (std::size_t p = 0; p < count; ++p) {
        result.jacobian[result.values.size() * x.size() + p] += row[t] * c.first[t * count + p];
      }
    }
    result.values.push_back(value);
  }
  return result;
}

bool FilterConstraints::hold(std::span<const double> x) const {
  return std::ranges::all_of((*this)(x).values, [](double value) { return value >= -border / 2; });
}

std::vector<std::pair<double, double>> FilterConstraints::bounds() const {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  std::vector<std::pair<double, double>> result(parameters_.size(), {-infinity, infinity});
  for (const Bound& bound : bounds_) {
    auto& [lower, upper] = result[bound.parameter];
    (bound.sign > 0 ? lower : upper) = bound.value;
  }
  return result;
}

void FilterConstraints::add_priors(NewtonPoint& point) const {
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    const auto& prior = parameters_[p].prior;
    if (!prior) continue;
    point.value += prior->log_density(point.x[p]);
    point.gradient[p] += prior->derivative(point.x[p]);
    if (point.hessian.empty()) continue;
    point.hessian[p * point.x.size() + p] += prior->second_derivative(point.x[p]);
  }
}

double FilterConstraints::log_prior(std::span<const double> x) const {
  double sum = 0;
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    if (parameters_[p].prior) sum += parameters_[p].prior->log_density(x[p]);
  }
  return sum;
}

std::vector<double> FilterConstraints::beginning(std::uint64_t seed, Index start,
                                                 Index attempt) const {
  std::vector<double> x;
  const Index count = std::ssize(parameters_);
  for (Index p = 0; p < count; ++p) {
    const FitParameter& parameter = parameters_[static_cast<std::size_t>(p)];
    const Index number = (start * attempts_apart + attempt) * count + p;
    std::array<double, 1> z{};
    const bool interval = parameter.lower && parameter.upper;
    operators::fill_random(
        interval ? operators::RandomKind::uniform : operators::RandomKind::normal, seed, number, z);
    if (start == 0) {
      x.push_back(parameter.initial);
    } else if (parameter.prior) {
      x.push_back(parameter.prior->sample(seed, number));
    } else if (interval) {
      x.push_back(*parameter.lower + z[0] * (*parameter.upper - *parameter.lower));
    } else {
      x.push_back(parameter.initial +
                  z[0] * spread * std::pow(shrinking, static_cast<double>(attempt)));
    }
  }
  return x;
}

std::vector<char> FilterConstraints::at_bound(const std::vector<char>& active) const {
  std::vector<char> result(parameters_.size(), 0);
  for (std::size_t r = 0; r < std::min(bounds_.size(), active.size()); ++r) {
    if (active[r] != 0) result[bounds_[r].parameter] = 1;
  }
  return result;
}

std::vector<std::string> FilterConstraints::at_border(std::span<const double> x) const {
  std::vector<std::string> result;
  const auto values = (*this)(x).values;
  for (std::size_t r = bounds_.size(); r < values.size(); ++r) {
    if (values[r] <= near_border) result.push_back(region_.names[r - bounds_.size()]);
  }
  return result;
}

}  // namespace kronwerk::models
