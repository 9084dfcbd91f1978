// See src/MATHEMATICS.md, "Graphs of every mode".
#include "models/graph/graph_solver.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "models/graph/entries.hpp"
#include "models/graph/graph_model.hpp"
#include "models/graph/spectrum_fit.hpp"

namespace kronwerk::models {
namespace {

constexpr int most_halvings = 60;
// Steps whose largest objective a proximal step has to stay below.
constexpr std::size_t remembered = 10;
constexpr double proximal_decrease = 0.01;
constexpr double newton_decrease = 1e-4;
// Of the objective: what of its decrease is rounding.
constexpr double rounding = 1e-14;
// Proximal steps before Newton's method, and where it makes none.
constexpr int first_steps = 2;
constexpr int steps_between = 3;
// Of min s, of which a Newton step leaves at least so much: near zero the next ones would be short.
constexpr double most_shrinking = 0.3;
constexpr double newton_accuracy = 0.1;
// With the Hessian, for one step.
constexpr Index most_products = 300;
// Steps without a smaller residual or objective after which rounding is what is left.
constexpr Index patience = 100;
constexpr Index patience_near = 10;
constexpr double near_rounding = 1e-10;
constexpr double progress = 1e-9;
// Of Ω, in units of the mean diagonal of S: beyond it the objective has no minimum.
constexpr double unbounded = 1e13;
// Beyond it, where the steps come to nothing, it has none either, as far as rounding can tell.
constexpr double unbounded_in_effect = 1e5;
// Of the least mean of 1/s: above it the residual does not tell whether there is a minimum.
constexpr double resolved = 0.1;

}  // namespace

GraphSolver::GraphSolver(const GraphObjective& objective, const GraphSettings& settings)
    : objective_(&objective), settings_(&settings) {
  for (std::size_t b = 0; b < objective.penalties().size(); ++b) {
    const auto& penalty = objective.penalties()[b];
    const auto diagonal = objective.own_block(b).extent();
    unpenalised_ = unpenalised_ || std::ranges::count(penalty, 0.0) > diagonal;
  }
  unpenalised_ = objective.comm().any(unpenalised_);
}

void GraphSolver::begin(BlockMatrices start) {
  objective_->balance(start);
  current_.factors = std::move(start);
  if (!objective_->evaluate(current_)) {
    throw core::InternalError("a graph's estimation began at an indefinite sum");
  }
  objective_->differentiate(current_);
  const double least = least_sum(current_.spectra);
  length_ = least * least;
  recent_ = {current_.objective};
  communication::collectively(objective_->comm(), [&] {
    objective_->resize(trial_.factors);
    best_ = current_;
  });
}

void GraphSolver::run(BlockMatrices start) {
  begin(std::move(start));
  iterate();
  if (!converged()) check_bounded(unbounded_in_effect);
}

void GraphSolver::iterate() {
  int proximal_left = first_steps;
  Index last_better = 0;
  double lowest = current_.objective;
  for (Index iteration = 0;; ++iteration) {
    if (settings_->on_iteration) settings_->on_iteration(iteration, current_.kkt);
    const double gain = lowest - current_.objective;
    if (gain > progress * std::max(1.0, std::abs(lowest))) {
      lowest = current_.objective;
      last_better = iteration;
    }
    if (keep_best()) last_better = iteration;
    if (converged()) return;
    check_bounded(unbounded);
    if (iteration >= settings_->max_iterations) {
      reason_ = fmt::format("{} iterations were not enough", iteration);
      return;
    }
    if (iteration - last_better >= (best_.kkt < near_rounding ? patience_near : patience)) {
      reason_ = "the KKT residual no longer shrinks: rounding keeps it above the tolerance";
      return;
    }
    if (proximal_left <= 0) {
      if (newton_step()) continue;
      proximal_left = steps_between;
    }
    if (!proximal_step()) {
      reason_ =
          "no step makes the objective smaller: rounding keeps the KKT residual above the "
          "tolerance";
      return;
    }
    --proximal_left;
  }
}

bool GraphSolver::converged() const {
  double least = std::numeric_limits<double>::infinity();
  for (const auto& means : best_.means) least = std::min(least, *std::ranges::min_element(means));
  return best_.kkt <= std::min(settings_->tolerance, resolved * least);
}

bool GraphSolver::keep_best() {
  if (!(current_.kkt < best_.kkt)) return false;
  communication::collectively(objective_->comm(), [&] { best_ = current_; });
  return true;
}

void GraphSolver::check_bounded(double limit) const {
  if (!unpenalised_ || largest_sum(current_.spectra) < limit) return;
  std::size_t worst = 0;
  double widest = 0;
  for (std::size_t k = 0; k < current_.spectra.size(); ++k) {
    const auto [least, greatest] = std::ranges::minmax(current_.spectra[k]);
    if (greatest - least < widest) continue;
    widest = greatest - least;
    worst = k;
  }
  throw core::DataError(fmt::format(
      "the likelihood is unbounded, or nearly: the precision of mode {} grows beyond {:.0e} of the "
      "samples' mean precision; give its entries penalties above zero, or use more samples",
      worst + 1, limit));
}

void GraphSolver::accept() {
  objective_->differentiate(trial_);
  std::swap(current_, trial_);
  recent_.push_back(current_.objective);
  if (recent_.size() > remembered) recent_.erase(recent_.begin());
}

bool GraphSolver::proximal_step() {
  const Extents& extents = objective_->extents();
  const auto modes = static_cast<double>(extents.size());
  double mean = 0;
  for (const double value : current_.means[0]) mean += value / static_cast<double>(extents[0]);
  // The gradients' common mean: in the metric of the sum the factors share it.
  const double surplus = (modes - 1) / modes * (1 - mean);
  const double slack = rounding * std::max(1.0, std::abs(current_.objective));
  for (int halving = 0; halving < most_halvings; ++halving, length_ /= 2) {
    std::vector<double> numbers;  // of every block: ‖Δ‖², and Δ's part of the mean diagonal
    for (std::size_t b = 0; b < current_.factors.size(); ++b) {
      const GraphBlock& block = objective_->own_block(b);
      const auto extent = static_cast<double>(extents[block.mode]);
      const auto diagonal = static_cast<std::size_t>(block.extent() + 1);
      const std::size_t count = trial_.factors[b].size();
      const double length = length_;
      const double* old = current_.factors[b].data();
      const double* gradient = current_.gradients[b].data();
      const double* penalty = objective_->penalties()[b].data();
      double* made = trial_.factors[b].data();
      double mean_change = 0;
      for (std::size_t i = 0; i < count; ++i) {
        made[i] = shrunk(old[i] - length * gradient[i], length * penalty[i]);
      }
      for (std::size_t i = 0; i < count; i += diagonal) {
        made[i] = old[i] - length * (gradient[i] - surplus);
        mean_change += (made[i] - old[i]) / extent;
      }
      numbers.push_back(sum_of(count,
                               [=](std::size_t i) {
                                 const double change = made[i] - old[i];
                                 return change * change;
                               }) /
                        extent);
      numbers.push_back(mean_change);
    }
    numbers = objective_->of_all_blocks(numbers, 2);
    std::vector<double> diagonals(extents.size(), 0.0);
    double squares = 0, trace = 0;
    for (std::size_t b = 0; b < objective_->blocks().size(); ++b) {
      squares += numbers[2 * b];
      diagonals[objective_->blocks()[b].mode] += numbers[2 * b + 1];
    }
    for (const double value : diagonals) {
      squares -= value * value;
      trace += value;
    }
    squares += trace * trace;
    const double highest = *std::ranges::max_element(recent_);
    if (!objective_->evaluate(trial_) ||
        trial_.objective > highest - proximal_decrease / (2 * length_) * squares + slack) {
      continue;
    }
    ++proximal_steps_;
    accept();
    // After the exchange: ⟨Δ, ΔG⟩.
    std::vector<double> slopes;
    for (std::size_t b = 0; b < current_.factors.size(); ++b) {
      const double* factor = current_.factors[b].data();
      const double* before = trial_.factors[b].data();
      const double* gradient = current_.gradients[b].data();
      const double* gradient_before = trial_.gradients[b].data();
      const double sum = sum_of(current_.factors[b].size(), [=](std::size_t i) {
        return (factor[i] - before[i]) * (gradient[i] - gradient_before[i]);
      });
      slopes.push_back(sum / static_cast<double>(extents[objective_->own_block(b).mode]));
    }
    const double slope = objective_->sum_blocks(slopes);
    length_ = slope > 0 ? std::clamp(squares / slope, 1e-10, 1e10) : 1e10;
    return true;
  }
  return false;
}

bool GraphSolver::newton_step() {
  GraphModel model(*objective_, current_);
  const double relative = std::min(newton_accuracy, std::sqrt(current_.kkt));
  inner_iterations_ += model.minimise(relative, most_products);
  const double slope = model.slope();
  if (!(slope < 0)) return false;
  const double slack = rounding * std::max(1.0, std::abs(current_.objective));
  double part = 1;
  for (int halving = 0; halving < most_halvings; ++halving, part /= 2) {
    for (std::size_t b = 0; b < trial_.factors.size(); ++b) {
      const auto& end = model.factors()[b];
      const auto& old = current_.factors[b];
      auto& made = trial_.factors[b];
      for (std::size_t i = 0; i < old.size(); ++i) {
        made[i] = part == 1 ? end[i] : old[i] + part * (end[i] - old[i]);
      }
    }
    if (!objective_->evaluate(trial_) ||
        least_sum(trial_.spectra) < most_shrinking * least_sum(current_.spectra) ||
        trial_.objective > current_.objective + newton_decrease * part * slope + slack) {
      continue;
    }
    ++newton_steps_;
    accept();
    return true;
  }
  return false;
}

}  // namespace kronwerk::models
