// See src/MATHEMATICS.md, "Fits".
#include "kronwerk/models/fit/fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <exception>

#include "kronwerk/core/error.hpp"
#include "kronwerk/models/fit/transform.hpp"
#include "kronwerk/operators/base/random.hpp"
#include "kronwerk/operators/products/kronecker_product.hpp"
#include "models/fit/fit_state.hpp"
#include "models/fit/information.hpp"
#include "models/fit/minimise.hpp"

namespace kronwerk::models {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
// Draws of a random start before it is given up.
constexpr Index attempts = 20;
// An iteration multiplies or divides a positive parameter by at most exp of this.
constexpr double longest_log_step = 2;
// Numbers of the random sequence for one parameter of one start and attempt.
constexpr Index random_stride = 2;

bool within(const Support& support, double x) {
  return std::isfinite(x) && x >= support.lower && x <= support.upper;
}

/// One parameter and its free coordinate.
struct Coordinate {
  FitParameter parameter;
  Support support;
  Scale scale = Scale::identity;

  bool allows(double x) const {
    return within(support, x) && (!parameter.prior || parameter.prior->contains(x)) &&
           (scale == Scale::identity || x > 0);
  }
  /// The range over which an unscaled coordinate may move in one iteration.
  double longest_step() const {
    if (scale == Scale::log) return longest_log_step;
    if (parameter.prior) return 4 * parameter.prior->spread();
    const double width = support.upper - support.lower;
    return std::isfinite(width) ? width : infinity;
  }
  double draw(std::uint64_t seed, Index number) const {
    if (parameter.prior) return parameter.prior->sample(seed, number);
    std::array<double, random_stride> values{};
    const bool interval =
        scale == Scale::identity && std::isfinite(support.lower) && std::isfinite(support.upper);
    operators::fill_random(
        interval ? operators::RandomKind::uniform : operators::RandomKind::normal, seed,
        number * random_stride, values);
    if (interval) return support.lower + values[0] * (support.upper - support.lower);
    const double initial = parameter.initial;
    return scale == Scale::log ? initial * std::exp(values[0])
                               : initial + values[0] * std::max(1.0, std::abs(initial));
  }
};

std::vector<Coordinate> coordinates_of(const std::vector<FitParameter>& parameters) {
  std::vector<Coordinate> coordinates;
  for (const auto& parameter : parameters) {
    Coordinate coordinate{parameter, support_of(parameter), Scale::identity};
    coordinate.scale = choose_scale(coordinate.support.lower);
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

/// The log density, with every call kept until it is said to be done with, and calls of an earlier
/// run used again for as long as the same points are asked for.
class RecordedDensity {
 public:
  explicit RecordedDensity(const DensityFunction& log_density) : log_density_(&log_density) {}

  const std::vector<RecordedEvaluation>& calls() const { return calls_; }
  /// Whether the next call may be a repeated one.
  bool repeating() const { return next_ < calls_.size(); }
  std::exception_ptr failure() const { return failure_; }
  void take_up(std::vector<RecordedEvaluation> calls) { calls_ = std::move(calls); }
  void forget() {
    calls_.clear();
    next_ = 0;
  }

  /// Absent where it is not defined. `on_new` is called after a call that was not repeated.
  std::optional<Evaluation> operator()(std::span<const double> parameters,
                                       const std::function<void()>& on_new) {
    if (repeating() && std::ranges::equal(calls_[next_].parameters, parameters)) {
      const RecordedEvaluation& call = calls_[next_++];
      return call.defined ? std::optional(call.result) : std::nullopt;
    }
    calls_.resize(next_);
    auto result = call(parameters);
    calls_.push_back({{parameters.begin(), parameters.end()},
                      result.has_value(),
                      result.value_or(Evaluation{})});
    next_ = calls_.size();
    if (on_new) on_new();
    return result;
  }

  /// Neither kept nor repeated.
  std::optional<Evaluation> call(std::span<const double> parameters) {
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

 private:
  const DensityFunction* log_density_;
  std::vector<RecordedEvaluation> calls_;
  std::size_t next_ = 0;
  std::exception_ptr failure_;
};

/// The objective in parameters and in free coordinates.
class Objective {
 public:
  Objective(const DensityFunction& log_density, std::vector<Coordinate> coordinates)
      : density_(log_density), coordinates_(std::move(coordinates)) {}

  RecordedDensity& density() { return density_; }
  /// What is done after every evaluation that was not repeated.
  std::function<void()> on_new;

  const std::vector<Coordinate>& coordinates() const { return coordinates_; }
  Index evaluations() const { return evaluations_; }

  /// Of log density + log priors; absent where that is not defined.
  std::optional<Evaluation> evaluate(std::span<const double> parameters) {
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      if (!coordinates_[i].allows(parameters[i])) return std::nullopt;
    }
    ++evaluations_;
    auto result = density_(parameters, on_new);
    if (result) add_priors(parameters, *result);
    return result;
  }

  void add_priors(std::span<const double> parameters, Evaluation& result) const {
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const auto& prior = coordinates_[i].parameter.prior;
      if (!prior) continue;
      result.value += prior->log_density(parameters[i]);
      result.gradient[i] += prior->derivative(parameters[i]);
    }
  }

  std::vector<double> to_free(std::span<const double> parameters) const {
    std::vector<double> free(parameters.size());
    for (std::size_t i = 0; i < free.size(); ++i) {
      free[i] = models::to_free(coordinates_[i].scale, parameters[i]);
    }
    return free;
  }

  std::vector<double> from_free(std::span<const double> free) const {
    std::vector<double> parameters(free.size());
    for (std::size_t i = 0; i < free.size(); ++i) {
      const auto& [parameter, support, scale] = coordinates_[i];
      // A bound is the bound, whatever exp(log) rounds to.
      parameters[i] = std::clamp(models::from_free(scale, free[i]), support.lower, support.upper);
    }
    return parameters;
  }

  /// What is minimised: minus the objective over the free coordinates.
  std::optional<MinimisePoint> negative(std::span<const double> free) {
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

  MinimiseSettings limits() const {
    MinimiseSettings settings;
    for (const auto& each : coordinates_) {
      settings.lower.push_back(models::to_free(each.scale, each.support.lower));
      settings.upper.push_back(models::to_free(each.scale, each.support.upper));
      settings.longest_step.push_back(each.longest_step());
    }
    return settings;
  }

 private:
  RecordedDensity density_;
  std::vector<Coordinate> coordinates_;
  Index evaluations_ = 0;
};

/// Where start number `start` begins: the initial values, or random ones that are allowed.
std::vector<double> beginning(const std::vector<Coordinate>& coordinates, std::uint64_t seed,
                              Index start, Index attempt) {
  std::vector<double> parameters;
  for (std::size_t i = 0; i < coordinates.size(); ++i) {
    const auto& each = coordinates[i];
    double x = each.parameter.initial;
    const auto count = static_cast<Index>(coordinates.size());
    for (Index again = 0; start > 0 && again < attempts; ++again) {
      const Index number =
          ((start * attempts + attempt) * attempts + again) * count + static_cast<Index>(i);
      x = each.draw(seed, number);
      if (each.allows(x)) break;
      x = each.parameter.initial;
    }
    parameters.push_back(x);
  }
  return parameters;
}

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
    const Index most = number == 0 ? 1 : attempts;
    for (Index attempt = 0; attempt < most; ++attempt) {
      const auto parameters =
          beginning(objective_.coordinates(), state_.seed, static_cast<Index>(number), attempt);
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
  Objective objective_;
  FitState state_;
  Index earlier_evaluations_ = 0;  ///< of the starts that had finished before
  std::size_t written_ = 0;        ///< calls in the last checkpoint
};

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

FitResult fit(const communication::Communicator& comm, const DensityFunction& log_density,
              const std::vector<FitParameter>& parameters, const FitSettings& settings) {
  return Fit(comm, log_density, parameters, settings).run();
}

}  // namespace kronwerk::models
