// See src/MATHEMATICS.md, "Fits".
#include "kronwerk/models/fit/fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>

#include "kronwerk/core/error.hpp"
#include "models/fit/fit_objective.hpp"
#include "models/fit/fit_state.hpp"
#include "models/fit/information.hpp"
#include "models/fit/minimise.hpp"

namespace kronwerk::models {
namespace {

class Fit {
 public:
  Fit(const communication::Communicator& comm, const DensityFunction& log_density,
      const std::vector<FitParameter>& parameters, const FitSettings& settings)
      : comm_(&comm), settings_(&settings), objective_(log_density, coordinates_of(parameters)) {
    state_.seed = settings.seed;
    for (const auto& each : parameters) state_.names.push_back(each.name);
    if (settings.starts < 1) throw core::ConfigurationError("a fit needs at least one start");
    state_.starts.resize(static_cast<std::size_t>(settings.starts));
    if (settings.resume) take_up(*settings.resume);
    objective_.on_new = [this] {
      const auto calls = objective_.density().calls().size();
      if (calls - written_ > calls / 100) checkpoint();
    };
  }

  FitResult run() {
    try {
      for (std::size_t start = 0; start < state_.starts.size(); ++start) {
        if (!state_.starts[start].finished) run_start(start);
      }
      return result();
    } catch (const core::Terminated&) {
      checkpoint();
      throw;
    }
  }

 private:
  void take_up(const FitState& state) {
    check_same_fit(state, state_);
    check_density(state);
    state_ = state;
    state_.evaluations.clear();
    for (auto& start : state_.starts) {
      if (start.finished) {
        earlier_evaluations_ += start.evaluations;
      } else {
        start = {};
      }
    }
    objective_.density().take_up(state.evaluations);
    written_ = state.evaluations.size();
  }

  /// What is repeated must be of this density: data may have changed since.
  void check_density(const FitState& state) {
    constexpr double tolerance = 1e-6;
    const auto compare = [&](std::span<const double> at, double before,
                             const std::optional<Evaluation>& now) {
      if (now && std::abs(now->value - before) <= tolerance * std::max(1.0, std::abs(before))) {
        return;
      }
      throw core::ConfigurationError(fmt::format(
          "the fit to resume was of other data: its log density at {} = {:.6g}, … was {:.12g} and "
          "is {}; remove its checkpoint to begin anew",
          state_.names[0], at[0], before,
          now ? fmt::format("{:.12g}", now->value) : "not defined now"));
    };
    for (const auto& call : state.evaluations) {
      if (!call.defined) continue;
      return compare(call.parameters, call.result.value,
                     objective_.density().call(call.parameters));
    }
    for (const auto& start : state.starts) {
      if (start.parameters.empty()) continue;
      auto now = objective_.density().call(start.parameters);
      if (now) objective_.add_priors(start.parameters, *now);
      return compare(start.parameters, start.objective, now);
    }
  }

  void checkpoint() {
    if (!settings_->checkpoint) return;
    const auto& calls = objective_.density().calls();
    written_ = calls.size();
    state_.evaluations = calls;
    settings_->checkpoint(state_);
    state_.evaluations.clear();
  }

  void finish(StartState& start) {
    start.finished = true;
    objective_.density().forget();
    checkpoint();
  }

  void run_start(std::size_t number) {
    StartState& start = state_.starts[number];
    const Index before = objective_.evaluations();
    const auto count = [&] { start.evaluations = objective_.evaluations() - before; };
    auto point = find_beginning(number);
    count();
    if (!point) {
      start.outcome = "the log density is not defined where it begins";
      return finish(start);
    }
    auto limits = objective_.limits();
    limits.tolerance = settings_->tolerance;
    limits.max_iterations = settings_->max_iterations;
    bool first = true;
    limits.on_iteration = [&](const MinimisePoint& at, double norm, double step) {
      count();
      if (!first) ++start.iterations;
      first = false;
      note(number, at, norm, step);
    };
    const auto outcome = minimise(
        *comm_, [&](std::span<const double> free) { return objective_.negative(free); }, *point,
        limits);
    count();
    start.gradient_norm = outcome.gradient_norm;
    start.converged = outcome.converged;
    start.outcome = outcome.reason;
    finish(start);
  }

  std::optional<MinimisePoint> find_beginning(std::size_t number) {
    const Index most = number == 0 ? 1 : start_attempts;
    for (Index attempt = 0; attempt < most; ++attempt) {
      const auto start = static_cast<Index>(number);
      const auto parameters = settings_->beginning ? settings_->beginning(start, attempt)
                                                   : beginning_of(objective_.coordinates(),
                                                                  state_.seed, start, attempt);
      if (auto point = objective_.negative(objective_.to_free(parameters))) return point;
    }
    return std::nullopt;
  }

  void note(std::size_t number, const MinimisePoint& at, double norm, double step) {
    StartState& start = state_.starts[number];
    start.parameters = objective_.from_free(at.free);
    start.objective = -at.value;
    start.gradient_norm = norm;
    start.history.push_back(start.objective);
    if (settings_->on_iteration && !objective_.density().repeating()) {
      settings_->on_iteration({static_cast<Index>(number), start.iterations, start.objective, norm,
                               step, start.parameters});
    }
  }

  std::size_t best_start() {
    std::size_t best = 0;
    for (std::size_t i = 1; i < state_.starts.size(); ++i) {
      if (state_.starts[i].objective > state_.starts[best].objective) best = i;
    }
    if (!state_.starts[best].parameters.empty()) return best;
    const auto failure = objective_.density().failure();
    if (failure) std::rethrow_exception(failure);
    throw core::DataError(
        "the log density is not a finite number at any point where a start begins");
  }

  FitResult result() {
    FitResult result;
    result.best = best_start();
    const StartState& best = state_.starts[result.best];
    result.parameters = best.parameters;
    result.objective = best.objective;
    result.converged = best.converged;
    result.log_density = best.objective;
    const auto& coordinates = objective_.coordinates();
    for (std::size_t i = 0; i < coordinates.size(); ++i) {
      const auto& prior = coordinates[i].parameter.prior;
      if (prior) result.log_density -= prior->log_density(best.parameters[i]);
    }
    const auto last = objective_.evaluate(best.parameters);
    if (last) result.gradient = last->gradient;
    find_bounds(result);
    result.standard_errors.resize(coordinates.size());
    if (settings_->standard_errors) find_errors(result);
    result.evaluations = earlier_evaluations_ + objective_.evaluations();
    result.state = state_;
    return result;
  }

  void find_bounds(FitResult& result) const {
    const auto& coordinates = objective_.coordinates();
    for (std::size_t i = 0; i < coordinates.size(); ++i) {
      const double x = result.parameters[i];
      const double slope = result.gradient.empty() ? 0 : result.gradient[i];
      const auto& support = coordinates[i].support;
      result.at_bound.push_back((x <= support.lower && slope <= 0) ||
                                (x >= support.upper && slope >= 0));
    }
  }

  void find_errors(FitResult& result) {
    std::vector<DifferenceAxis> axes;
    const auto& coordinates = objective_.coordinates();
    for (std::size_t i = 0; i < coordinates.size(); ++i) {
      const double x = std::abs(result.parameters[i]);
      const auto& each = coordinates[i];
      const double scale = each.scale == Scale::log           ? x
                           : each.parameter.prior.has_value() ? each.parameter.prior->spread()
                                                              : std::max(x, 1.0);
      axes.push_back({each.parameter.name, scale, each.support.lower, each.support.upper,
                      result.at_bound[i] != 0});
    }
    const auto gradient = [&](std::span<const double> x) -> std::optional<std::vector<double>> {
      auto evaluation = objective_.evaluate(x);
      if (!evaluation) return std::nullopt;
      return std::move(evaluation->gradient);
    };
    auto information = observed_information(gradient, result.parameters, axes);
    result.standard_errors = std::move(information.standard_errors);
    result.covariance = std::move(information.covariance);
    result.information = std::move(information.problem);
  }

  const communication::Communicator* comm_;
  const FitSettings* settings_;
  FitObjective objective_;
  FitState state_;
  Index earlier_evaluations_ = 0;  ///< of the starts that had finished before
  std::size_t written_ = 0;        ///< calls in the last checkpoint
};

}  // namespace

FitResult fit(const communication::Communicator& comm, const DensityFunction& log_density,
              const std::vector<FitParameter>& parameters, const FitSettings& settings) {
  return Fit(comm, log_density, parameters, settings).run();
}

}  // namespace kronwerk::models
