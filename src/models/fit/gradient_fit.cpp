#include "kronwerk/models/fit/gradient_fit.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "kronwerk/core/error.hpp"

namespace kronwerk::models {
namespace {

// What an active constraint may differ from zero by.
constexpr double slack = 1e-9;
// Beside the largest of the metric, for a variable that it says nothing of.
constexpr double smallest_pivot = 1e-12;

/// z = Rᵀ(x - x₀), R Rᵀ about the metric: the variables without bounds first, those with bounds
/// each by itself at the end, so that their bounds stay bounds.
class Coordinates {
 public:
  Coordinates(const GradientBeginning& beginning, std::size_t bounded)
      : n_(beginning.x.size()), bounded_(bounded), origin_(beginning.x), factor_(n_ * n_, 0.0) {
    for (std::size_t i = 0; i < n_; ++i) {
      const double diagonal = at(beginning.metric, i, i);
      for (std::size_t j = 0; j <= i; ++j) {
        if (j < i && j + bounded_ >= n_) continue;  // both have bounds
        double value = at(beginning.metric, i, j);
        for (std::size_t k = 0; k < std::min(j, n_ - bounded_); ++k) {
          value -= factor_[i * n_ + k] * factor_[j * n_ + k];
        }
        if (i == j) {
          factor_[i * n_ + i] = std::sqrt(value > smallest_pivot * diagonal ? value
                                          : diagonal > 0                    ? diagonal
                                                                            : 1.0);
        } else {
          factor_[i * n_ + j] = value / factor_[j * n_ + j];
        }
      }
    }
  }

  std::vector<double> to_free(std::span<const double> x) const {
    std::vector<double> z(n_, 0.0);
    for (std::size_t i = 0; i < n_; ++i) {
      const double move = x[variable(i)] - origin_[variable(i)];
      for (std::size_t j = 0; j <= i; ++j) z[j] += factor_[i * n_ + j] * move;
    }
    return z;
  }
  std::vector<double> from_free(std::span<const double> z) const {
    std::vector<double> move(z.begin(), z.end());
    for (std::size_t i = n_; i-- > 0;) {
      for (std::size_t k = i + 1; k < n_; ++k) move[i] -= factor_[k * n_ + i] * move[k];
      move[i] /= factor_[i * n_ + i];
    }
    std::vector<double> x(n_);
    for (std::size_t i = 0; i < n_; ++i) x[variable(i)] = origin_[variable(i)] + move[i];
    return x;
  }
  /// The gradient by z, from that by x.
  std::vector<double> gradient(std::span<const double> by_x) const {
    std::vector<double> result(n_);
    for (std::size_t i = 0; i < n_; ++i) {
      double value = by_x[variable(i)];
      for (std::size_t k = 0; k < i; ++k) value -= factor_[i * n_ + k] * result[k];
      result[i] = value / factor_[i * n_ + i];
    }
    return result;
  }
  /// The place in z of variable v, and what a bound of it is there.
  std::size_t place(std::size_t v) const { return v < bounded_ ? n_ - bounded_ + v : v - bounded_; }
  double bound(std::size_t v, double value) const {
    const std::size_t i = place(v);
    return (value - origin_[v]) * factor_[i * n_ + i];
  }

 private:
  std::size_t variable(std::size_t i) const {
    return i + bounded_ < n_ ? i + bounded_ : i + bounded_ - n_;
  }
  double at(const std::vector<double>& metric, std::size_t i, std::size_t j) const {
    return metric[variable(i) * n_ + variable(j)];
  }

  std::size_t n_;
  std::size_t bounded_;
  std::vector<double> origin_;
  std::vector<double> factor_;
};

class GradientFit {
 public:
  GradientFit(const communication::Communicator& comm, const NewtonFunction& function,
              const ConstraintFunction& constraints, const std::vector<std::string>& names,
              const GradientFitSettings& settings)
      : comm_(comm),
        function_(function),
        constraints_(constraints),
        names_(names),
        settings_(settings),
        coordinates_(settings.gradient_beginning(0, 0), settings.bounds.size()) {}

  NewtonFitResult run() {
    FitSettings fit_settings;
    fit_settings.starts = settings_.starts;
    fit_settings.seed = settings_.seed;
    fit_settings.tolerance = settings_.newton.tolerance;
    fit_settings.max_iterations = settings_.newton.max_iterations;
    fit_settings.standard_errors = false;
    fit_settings.checkpoint = settings_.checkpoint;
    fit_settings.resume = settings_.resume;
    fit_settings.beginning = [&](Index start, Index attempt) {
      if (start == 0) return std::vector<double>(names_.size(), 0.0);
      return coordinates_.to_free(settings_.gradient_beginning(start, attempt).x);
    };
    if (settings_.on_iteration) {
      fit_settings.on_iteration = [&](const FitIteration& iteration) {
        const auto x = coordinates_.from_free(iteration.parameters);
        FitIteration shown = iteration;
        shown.parameters = x;
        settings_.on_iteration(shown);
      };
    }
    FitResult fitted = fit(
        comm_, [&](std::span<const double> z) { return density(z); }, parameters(), fit_settings);
    return result(std::move(fitted));
  }

 private:
  std::vector<FitParameter> parameters() const {
    std::vector<FitParameter> parameters(names_.size());
    for (std::size_t v = 0; v < names_.size(); ++v) {
      FitParameter& parameter = parameters[coordinates_.place(v)];
      parameter = {"scaled " + names_[v], 0, {}, -infinity, infinity};
      parameter.unscaled = true;
      if (v >= settings_.bounds.size()) continue;
      parameter.lower = coordinates_.bound(v, settings_.bounds[v].first);
      parameter.upper = coordinates_.bound(v, settings_.bounds[v].second);
    }
    return parameters;
  }

  Evaluation density(std::span<const double> z) const {
    auto x = coordinates_.from_free(z);
    for (std::size_t v = 0; v < settings_.bounds.size(); ++v) {  // rounding may leave them
      x[v] = std::clamp(x[v], settings_.bounds[v].first, settings_.bounds[v].second);
    }
    const auto values = constraints_(x).values;
    const bool outside =
        std::ranges::any_of(values, [](double value) { return !(value >= -slack); });
    const auto point = outside ? std::nullopt : function_(x);
    if (!point) throw core::DataError("the log likelihood is not defined there");
    return {point->value, coordinates_.gradient(point->gradient), {}};
  }

  NewtonFitResult result(FitResult fitted) const {
    NewtonFitResult result;
    result.best = fitted.best;
    result.state = std::move(fitted.state);
    for (StartState& start : result.state.starts) {
      if (!start.parameters.empty()) start.parameters = coordinates_.from_free(start.parameters);
    }
    result.state.names = names_;
    const StartState& best = result.state.starts[result.best];
    NewtonOutcome& outcome = result.outcome;
    outcome.point.x = best.parameters;
    outcome.point.value = best.objective;
    outcome.distance = best.gradient_norm;
    outcome.converged = best.converged;
    outcome.iterations = best.iterations;
    outcome.reason = best.outcome;
    const auto limits = constraints_(best.parameters);
    for (const double value : limits.values) outcome.active.push_back(value <= slack ? 1 : 0);
    return result;
  }

  static constexpr double infinity = std::numeric_limits<double>::infinity();
  const communication::Communicator& comm_;
  const NewtonFunction& function_;
  const ConstraintFunction& constraints_;
  const std::vector<std::string>& names_;
  const GradientFitSettings& settings_;
  Coordinates coordinates_;
};

}  // namespace

NewtonFitResult fit_by_gradient(const communication::Communicator& comm,
                                const NewtonFunction& function,
                                const ConstraintFunction& constraints,
                                const std::vector<std::string>& names,
                                const GradientFitSettings& settings) {
  return GradientFit(comm, function, constraints, names, settings).run();
}

}  // namespace kronwerk::models
