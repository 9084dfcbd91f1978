#include "kronwerk/models/fit/newton_fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kronwerk/core/error.hpp"
#include "models/fit/fit_state.hpp"

namespace kronwerk::models {
namespace {

// Draws of a random start before it is given up.
constexpr Index attempts = 20;
// Between the objective of a state to resume and that of the data here, beside its size.
constexpr double same_objective = 1e-6;

class NewtonFit {
 public:
  NewtonFit(const NewtonFunction& function, const ConstraintFunction& constraints,
            const std::vector<std::string>& names, const NewtonFitSettings& settings)
      : function_(function), constraints_(constraints), settings_(settings) {
    state_.names = names;
    state_.seed = settings.seed;
    state_.starts.resize(static_cast<std::size_t>(settings.starts));
    if (settings.resume) take_up(*settings.resume);
  }

  NewtonFitResult run() {
    std::vector<NewtonOutcome> outcomes(state_.starts.size());
    for (std::size_t number = 0; number < state_.starts.size(); ++number) {
      outcomes[number] = run_start(number);
    }
    std::size_t best = 0;
    for (std::size_t i = 1; i < outcomes.size(); ++i) {
      if (state_.starts[i].objective > state_.starts[best].objective) best = i;
    }
    if (!state_.names.empty() && state_.starts[best].parameters.empty()) {
      throw core::DataError(
          "the log likelihood is not a finite number at any point where a start begins");
    }
    return {std::move(outcomes[best]), best, std::move(state_)};
  }

 private:
  void take_up(const FitState& state) {
    check_same_fit(state, state_);
    for (const auto& start : state.starts) {
      if (start.parameters.empty()) continue;
      const auto now = function_(start.parameters);
      const double size = std::max(1.0, std::abs(start.objective));
      if (now && std::abs(now->value - start.objective) <= same_objective * size) break;
      throw core::ConfigurationError(fmt::format(
          "the fit to resume was of other data: its log likelihood at {} = {:.6g}, … was {:.12g} "
          "and is {}; remove its checkpoint to begin anew",
          state_.names[0], start.parameters[0], start.objective,
          now ? fmt::format("{:.12g}", now->value) : "not defined now"));
    }
    state_ = state;
  }

  void checkpoint() const {
    if (settings_.checkpoint) settings_.checkpoint(state_);
  }

  std::optional<NewtonPoint> beginning(std::size_t number) {
    StartState& start = state_.starts[number];
    if (!start.parameters.empty()) return function_(start.parameters);
    const Index most = number == 0 ? 1 : attempts;
    for (Index attempt = 0; attempt < most; ++attempt) {
      std::vector<double> x;
      try {
        x = settings_.beginning(static_cast<Index>(number), attempt);
      } catch (const core::DataError&) {
        if (number == 0) throw;
        continue;  // of random parameters, perhaps near a singular filter
      }
      const auto limits = constraints_(x).values;
      if (std::ranges::any_of(limits, [](double value) { return !(value >= 0); })) continue;
      ++start.evaluations;
      if (auto point = function_(x)) return point;
    }
    return std::nullopt;
  }

  NewtonOutcome run_start(std::size_t number) {
    StartState& start = state_.starts[number];
    bool repeated = !start.parameters.empty();
    const auto point = beginning(number);
    if (!point) {
      start.finished = true;
      start.outcome = "the log likelihood is not defined where it begins";
      return {};
    }
    NewtonSettings newton = settings_.newton;
    newton.max_iterations -= std::min(newton.max_iterations, start.iterations);
    newton.on_iteration = [&](const NewtonPoint& at, double distance, double step) {
      if (repeated) {
        repeated = false;
        return;
      }
      if (!start.parameters.empty()) ++start.iterations;
      start.parameters = at.x;
      start.objective = at.value;
      start.gradient_norm = distance;
      start.history.push_back(at.value);
      if (settings_.on_iteration) {
        settings_.on_iteration({static_cast<Index>(number), start.iterations, at.value, distance,
                                step, start.parameters});
      }
      checkpoint();
    };
    const auto counted = [&](std::span<const double> x) {
      ++start.evaluations;
      return function_(x);
    };
    // A start that has finished is at its maximum: nothing moves.
    NewtonOutcome outcome = maximise(counted, constraints_, *point, newton);
    start.finished = true;
    start.converged = outcome.converged;
    start.outcome = outcome.reason;
    checkpoint();
    return outcome;
  }

  const NewtonFunction& function_;
  const ConstraintFunction& constraints_;
  const NewtonFitSettings& settings_;
  FitState state_;
};

}  // namespace

NewtonFitResult fit_by_newton(const NewtonFunction& function, const ConstraintFunction& constraints,
                              const std::vector<std::string>& names,
                              const NewtonFitSettings& settings) {
  return NewtonFit(function, constraints, names, settings).run();
}

}  // namespace kronwerk::models
