#include "kronwerk/models/posterior/chain.hpp"

#include <fmt/format.h>

#include <cmath>
#include <type_traits>

#include "kronwerk/core/error.hpp"
#include "models/posterior/trajectory.hpp"
#include "models/posterior/warmup.hpp"

namespace kronwerk::models {
namespace {

void check(const ChainSettings& settings) {
  const auto refuse = [](const std::string& what) { throw core::ConfigurationError(what); };
  if (settings.warmup < 0 || settings.draws < 0) {
    refuse("a chain has no negative number of iterations");
  }
  if (!(settings.target_acceptance > 0 && settings.target_acceptance < 1)) {
    refuse(fmt::format("the target acceptance is between 0 and 1; found {}",
                       settings.target_acceptance));
  }
  if (settings.max_depth < 1 || settings.max_depth > 30) {
    refuse(fmt::format("the depth of trees is between 1 and 30; found {}", settings.max_depth));
  }
}

/// Numbers of a state one after the other, to keep them or to take them up.
class Writer {
 public:
  void operator()(double& value) { values.push_back(value); }
  void operator()(Index& value) { values.push_back(static_cast<double>(value)); }
  std::vector<double> values;
};

class Reader {
 public:
  explicit Reader(std::span<const double> values) : values_(values) {}
  void operator()(double& value) { value = next(); }
  void operator()(Index& value) { value = static_cast<Index>(next()); }
  bool at_end() const { return values_.empty(); }

 private:
  double next() {
    if (values_.empty()) throw core::DataError("the state of a chain ends too early");
    const double value = values_.front();
    values_ = values_.subspan(1);
    return value;
  }
  std::span<const double> values_;
};

}  // namespace

struct Chain::State {
  State(TargetDensity density, std::size_t dimension, const ChainSettings& wanted)
      : target(std::move(density)),
        settings(wanted),
        metric(wanted.metric, dimension),
        estimate(wanted.metric, dimension),
        step(wanted.target_acceptance),
        windows(wanted.warmup),
        random(wanted.seed, wanted.number) {
    check(settings);
    point.position.resize(dimension);
    point.target.gradient.resize(dimension);
  }

  TargetDensity target;
  ChainSettings settings;
  Metric metric;
  CovarianceEstimate estimate;
  StepSize step;
  Windows windows;
  RandomNumbers random;
  PhasePoint point;  ///< between iterations without a momentum
  Index iteration = 0;

  template <typename Visitor>
  void visit(Visitor&& visitor) {
    visitor(iteration);
    visitor(point.target.value);
    for (double& value : point.position) visitor(value);
    for (double& value : point.target.gradient) visitor(value);
    random.visit(visitor);
    step.visit(visitor);
    windows.visit(visitor);
    estimate.visit(visitor);
    std::vector<double> inverse = metric.inverse();
    for (double& value : inverse) visitor(value);
    if constexpr (std::is_same_v<std::decay_t<Visitor>, Reader>) metric.set_inverse(inverse);
  }

  /// The error of the energy after one step of this size, negative; -∞ where it is not defined.
  double change_after(double size) {
    PhasePoint trial = point;
    trial.momentum = metric.draw_momentum(random);
    const double before = energy_of(trial, metric);
    if (!leapfrog(target, metric, size, trial)) return -HUGE_VAL;
    const double change = before - energy_of(trial, metric);
    return std::isnan(change) ? -HUGE_VAL : change;
  }

  /// A step whose acceptance is about 0.8, by doubling or halving.
  void find_step() {
    const double wanted = std::log(0.8);
    double size = step.value();
    const bool grows = change_after(size) > wanted;
    for (;;) {
      const double next = grows ? 2 * size : size / 2;
      if (next > 1e7) {
        throw core::DataError(
            "the posterior is improper: trajectories of any length are accepted, since the log "
            "density does not change; give the parameters priors");
      }
      if (next == 0) {
        throw core::DataError(
            "no step of a trajectory is accepted where the chain begins: the log density is not "
            "continuous there, or not the one that its gradient belongs to");
      }
      size = next;
      if ((change_after(size) > wanted) != grows) break;
    }
    step.restart(size);
  }

  void adapt(double acceptance) {
    step.learn(acceptance);
    if (windows.within(iteration)) estimate.add(point.position);
    if (windows.ends(iteration)) {
      metric.set_inverse(estimate.regularised());
      estimate.restart();
      find_step();
    }
    if (iteration + 1 == settings.warmup) step.finish();
  }
};

Chain::Chain(TargetDensity target, std::vector<double> start, const ChainSettings& settings)
    : state_(std::make_unique<State>(std::move(target), start.size(), settings)) {
  auto found = state_->target(start);
  if (!found || !std::isfinite(found->value)) {
    throw core::DataError(
        fmt::format("the log density is not defined where chain {} begins", settings.number + 1));
  }
  state_->point.position = std::move(start);
  state_->point.target = std::move(*found);
  state_->find_step();
}

Chain::Chain(TargetDensity target, const ChainSettings& settings, std::size_t dimension,
             std::span<const double> state)
    : state_(std::make_unique<State>(std::move(target), dimension, settings)) {
  Reader reader(state);
  state_->visit(reader);
  if (!reader.at_end()) throw core::DataError("the state of a chain is of another sampler");
}

Chain::~Chain() = default;
Chain::Chain(Chain&&) noexcept = default;
Chain& Chain::operator=(Chain&&) noexcept = default;

Index Chain::iteration() const noexcept {
  return state_->iteration;
}

bool Chain::warming_up() const noexcept {
  return state_->iteration < state_->settings.warmup;
}

bool Chain::finished() const noexcept {
  return state_->iteration >= state_->settings.warmup + state_->settings.draws;
}

double Chain::step_size() const noexcept {
  return state_->step.value();
}

Draw Chain::advance() {
  State& s = *state_;
  const double size = s.step.value();
  auto made = run_trajectory(s.target, s.metric, size, s.settings.max_depth, s.random, s.point);
  s.point = std::move(made.point);
  s.point.momentum.clear();
  Draw draw{s.point.position, s.point.target.value, made.energy, made.depth,
            made.steps,       made.acceptance,      size,        made.diverging};
  if (warming_up()) s.adapt(made.acceptance);
  ++s.iteration;
  return draw;
}

std::vector<double> Chain::state() const {
  Writer writer;
  state_->visit(writer);
  return std::move(writer.values);
}

}  // namespace kronwerk::models
