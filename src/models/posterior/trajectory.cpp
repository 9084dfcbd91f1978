// The trees are those of Stan since 2.21: multinomial weights, the generalised criterion on whole
// trees, and on each half with the next point of the other (Betancourt 2017; Carpenter 2019).
#include "models/posterior/trajectory.hpp"

#include <cmath>
#include <limits>
#include <utility>

namespace kronwerk::models {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
// Errors of the energy beyond this are divergences.
constexpr double largest_error = 1000;

double dot(const std::vector<double>& x, const std::vector<double>& y) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
  return sum;
}

std::vector<double> sum_of(std::vector<double> x, const std::vector<double>& y) {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += y[i];
  return x;
}

double log_sum_exp(double a, double b) {
  if (a == -infinity) return b;
  if (b == -infinity) return a;
  const double most = std::max(a, b);
  return most + std::log1p(std::exp(std::min(a, b) - most));
}

/// An end of a (sub)tree.
struct End {
  std::vector<double> momentum;
  std::vector<double> velocity;
};

/// What a subtree is to the tree that it is a part of; its first end is the one that is nearer to
/// where the tree began.
struct Subtree {
  End first;
  End last;
  std::vector<double> sum;        ///< of the momenta
  double log_weight = -infinity;  ///< of exp(H_0 - H) over the points
  PhasePoint proposal;
  bool valid = false;  ///< neither diverged nor turned
};

/// Whether a stretch of the trajectory does not turn.
bool goes_on(const End& minus, const End& plus, const std::vector<double>& sum) {
  return dot(plus.velocity, sum) > 0 && dot(minus.velocity, sum) > 0;
}

/// Whether two stretches, one after the other, do not turn: as a whole, and each with the nearest
/// point of the other.
bool both_go_on(const Subtree& a, const Subtree& b) {
  return goes_on(a.first, b.last, sum_of(a.sum, b.sum)) &&
         goes_on(a.first, b.first, sum_of(a.sum, b.first.momentum)) &&
         goes_on(a.last, b.last, sum_of(b.sum, a.last.momentum));
}

class Builder {
 public:
  Builder(const TargetDensity& target, const Metric& metric, double step, RandomNumbers& random,
          double energy)
      : target_(&target), metric_(&metric), step_(step), random_(&random), energy_(energy) {}

  Index steps() const { return steps_; }
  double acceptance() const { return acceptance_ / static_cast<double>(steps_); }
  bool diverging() const { return diverging_; }

  /// 2^depth steps on from `point`, which becomes the last one.
  Subtree build(Index depth, double direction, PhasePoint& point) {
    if (depth == 0) return step(direction, point);
    Subtree first = build(depth - 1, direction, point);
    if (!first.valid) return first;
    Subtree second = build(depth - 1, direction, point);
    if (!second.valid) return second;
    Subtree both;
    both.valid = both_go_on(first, second);
    both.log_weight = log_sum_exp(first.log_weight, second.log_weight);
    both.proposal = accept(second.log_weight - both.log_weight) ? std::move(second.proposal)
                                                                : std::move(first.proposal);
    both.sum = sum_of(std::move(first.sum), second.sum);
    both.first = std::move(first.first);
    both.last = std::move(second.last);
    return both;
  }

  bool accept(double log_ratio) {
    return log_ratio > 0 || random_->uniform() < std::exp(log_ratio);
  }

 private:
  Subtree step(double direction, PhasePoint& point) {
    ++steps_;
    const bool defined = leapfrog(*target_, *metric_, direction * step_, point);
    double energy = defined ? energy_of(point, *metric_) : infinity;
    if (std::isnan(energy)) energy = infinity;
    Subtree leaf;
    leaf.valid = energy - energy_ <= largest_error;
    if (!leaf.valid) {
      diverging_ = true;
      return leaf;
    }
    leaf.log_weight = energy_ - energy;
    acceptance_ += std::min(1.0, std::exp(energy_ - energy));
    leaf.first = {point.momentum, metric_->velocity(point.momentum)};
    leaf.last = leaf.first;
    leaf.sum = point.momentum;
    leaf.proposal = point;
    return leaf;
  }

  const TargetDensity* target_;
  const Metric* metric_;
  double step_;
  RandomNumbers* random_;
  double energy_;
  Index steps_ = 0;
  double acceptance_ = 0;
  bool diverging_ = false;
};

/// A subtree as the other direction sees it.
Subtree reversed(Subtree tree) {
  std::swap(tree.first, tree.last);
  return tree;
}

}  // namespace

bool leapfrog(const TargetDensity& target, const Metric& metric, double step, PhasePoint& point) {
  const std::size_t n = point.position.size();
  for (std::size_t i = 0; i < n; ++i) {
    point.momentum[i] += 0.5 * step * point.target.gradient[i];
  }
  const auto velocity = metric.velocity(point.momentum);
  for (std::size_t i = 0; i < n; ++i) {
    point.position[i] += step * velocity[i];
    if (!std::isfinite(point.position[i])) return false;
  }
  auto found = target(point.position);
  if (!found || !std::isfinite(found->value)) return false;
  point.target = std::move(*found);
  for (std::size_t i = 0; i < n; ++i) {
    point.momentum[i] += 0.5 * step * point.target.gradient[i];
  }
  return true;
}

double energy_of(const PhasePoint& point, const Metric& metric) {
  return 0.5 * dot(point.momentum, metric.velocity(point.momentum)) - point.target.value;
}

Transition run_trajectory(const TargetDensity& target, const Metric& metric, double step,
                          Index max_depth, RandomNumbers& random, PhasePoint start) {
  start.momentum = metric.draw_momentum(random);
  Builder builder(target, metric, step, random, energy_of(start, metric));
  PhasePoint forward = start;
  PhasePoint backward = start;
  Subtree tree;
  tree.first = tree.last = {start.momentum, metric.velocity(start.momentum)};
  tree.sum = start.momentum;
  tree.log_weight = 0;
  tree.proposal = std::move(start);
  Transition result;
  while (result.depth < max_depth) {
    const bool onwards = random.uniform() > 0.5;
    Subtree more = builder.build(result.depth, onwards ? 1 : -1, onwards ? forward : backward);
    if (!more.valid) break;
    ++result.depth;
    PhasePoint proposal = std::move(
        builder.accept(more.log_weight - tree.log_weight) ? more.proposal : tree.proposal);
    Subtree left = onwards ? std::move(tree) : reversed(std::move(more));
    Subtree right = onwards ? std::move(more) : std::move(tree);
    const bool persists = both_go_on(left, right);
    tree = {std::move(left.first),
            std::move(right.last),
            sum_of(std::move(left.sum), right.sum),
            log_sum_exp(left.log_weight, right.log_weight),
            std::move(proposal),
            true};
    if (!persists) break;
  }
  result.point = std::move(tree.proposal);
  result.energy = energy_of(result.point, metric);
  result.steps = builder.steps();
  result.acceptance = builder.acceptance();
  result.diverging = builder.diverging();
  return result;
}

}  // namespace kronwerk::models
