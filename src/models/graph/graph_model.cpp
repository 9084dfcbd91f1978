// See src/MATHEMATICS.md, "Graphs of every mode".
#include "models/graph/graph_model.hpp"

#include <array>
#include <cmath>

#include "kronwerk/core/interruption.hpp"
#include "models/graph/entries.hpp"

namespace kronwerk::models {
namespace {

constexpr Index most_in_a_round = 200;
// Of the residual: how far a round goes, unless more than this part of the free entries leaves.
constexpr double round_accuracy = 1e-2;
constexpr double most_leaving = 0.05;
constexpr double sufficient = 1e-4;
constexpr double least_part = 1e-3;

}  // namespace

GraphModel::GraphModel(const GraphObjective& objective, const GraphPoint& point)
    : objective_(&objective), point_(&point), hessian_(objective, point) {
  communication::collectively(objective.comm(), [&] {
    for (BlockMatrices* matrices : {&image_, &residual_, &slope_, &signs_, &direction_,
                                    &direction_image_, &way_, &way_image_, &trial_}) {
      objective.resize(*matrices);
    }
    factors_ = point.factors;
    for (auto& block : image_) std::ranges::fill(block, 0.0);
  });
}

void GraphModel::find_residual() {
  double worst = 0;
  for (std::size_t b = 0; b < factors_.size(); ++b) {
    const auto diagonal = static_cast<std::size_t>(objective_->own_block(b).extent() + 1);
    const double* factor = factors_[b].data();
    const double* gradient = point_->gradients[b].data();
    const double* image = image_[b].data();
    const double* penalty = objective_->penalties()[b].data();
    double* residual = residual_[b].data();
    double* sign = signs_[b].data();
    const std::size_t count = factors_[b].size();
    for (std::size_t i = 0; i < count; ++i) {
      const double slope = gradient[i] + image[i];
      const bool free = factor[i] != 0 || penalty[i] == 0 || std::abs(slope) > penalty[i];
      const double one = std::copysign(1.0, factor[i] != 0 ? factor[i] : -slope);
      sign[i] = free ? one : 0;
      residual[i] = free ? -(slope + std::copysign(penalty[i], one)) : 0;
    }
    for (std::size_t i = 0; i < count; i += diagonal) {
      sign[i] = 1;
      residual[i] = -(gradient[i] + image[i]);
    }
    worst =
        std::max(worst, largest_of(count, [=](std::size_t i) { return std::abs(residual[i]); }));
  }
  violation_ = objective_->comm().max(worst);
  objective_->balance(residual_);
}

/// How many entries are beyond zero there, as a part of the free ones. Collective.
double GraphModel::leaving(double part) const {
  std::array<double, 2> counts{};
  for (std::size_t b = 0; b < factors_.size(); ++b) {
    const double* factor = factors_[b].data();
    const double* way = way_[b].data();
    const double* sign = signs_[b].data();
    const double* penalty = objective_->penalties()[b].data();
    int beyond = 0, free = 0;
    for (std::size_t i = 0; i < factors_[b].size(); ++i) {
      beyond += static_cast<int>(penalty[i] > 0 && (factor[i] + part * way[i]) * sign[i] < 0);
      free += static_cast<int>(sign[i] != 0);
    }
    counts[0] += beyond;
    counts[1] += free;
  }
  objective_->comm().sum(std::span(counts));
  return counts[0] / counts[1];
}

/// The way of a round, from residual_. False if there is none. Collective.
bool GraphModel::conjugate_gradients() {
  const auto precondition = [&](std::size_t b, std::size_t i) {
    return residual_[b][i] / hessian_.diagonal()[b][i];
  };
  for (std::size_t b = 0; b < factors_.size(); ++b) {
    std::ranges::copy(residual_[b], slope_[b].begin());
    std::ranges::fill(way_[b], 0.0);
    std::ranges::fill(way_image_[b], 0.0);
    for (std::size_t i = 0; i < direction_[b].size(); ++i) direction_[b][i] = precondition(b, i);
  }
  const double first = objective_->product(residual_, direction_);
  double product = first;
  for (Index i = 0; i < most_in_a_round && product > round_accuracy * first; ++i) {
    communication::collectively(objective_->comm(), [] { core::check_interruption(); });
    hessian_.apply(direction_, direction_image_);
    ++products_;
    const double length = product / objective_->product(direction_, direction_image_);
    if (!(length > 0) || !std::isfinite(length)) return i > 0;
    std::vector<double> squares;
    for (std::size_t b = 0; b < factors_.size(); ++b) {
      const double* direction = direction_[b].data();
      const double* image = direction_image_[b].data();
      const double* sign = signs_[b].data();
      const double* diagonal = hessian_.diagonal()[b].data();
      double* way = way_[b].data();
      double* way_image = way_image_[b].data();
      double* residual = residual_[b].data();
      const std::size_t count = factors_[b].size();
      for (std::size_t k = 0; k < count; ++k) {
        way[k] += length * direction[k];
        way_image[k] += length * image[k];
        residual[k] -= sign[k] != 0 ? length * image[k] : 0;
      }
      squares.push_back(
          sum_of(count, [=](std::size_t k) { return residual[k] * residual[k] / diagonal[k]; }) /
          static_cast<double>(objective_->extents()[objective_->own_block(b).mode]));
    }
    const double next = objective_->sum_blocks(squares);
    if (leaving(1) > most_leaving) break;
    for (std::size_t b = 0; b < factors_.size(); ++b) {
      double* direction = direction_[b].data();
      const double* residual = residual_[b].data();
      const double* diagonal = hessian_.diagonal()[b].data();
      for (std::size_t k = 0; k < factors_[b].size(); ++k) {
        direction[k] = residual[k] / diagonal[k] + next / product * direction[k];
      }
    }
    product = next;
  }
  return true;
}

/// Takes the way as far as the model shrinks. False if it does not. Collective.
bool GraphModel::search() {
  for (double part = 1; part > least_part; part /= 2) {
    const bool bent = leaving(part) > 0;
    for (std::size_t b = 0; b < factors_.size(); ++b) {
      const double* factor = factors_[b].data();
      const double* way = way_[b].data();
      const double* sign = signs_[b].data();
      const double* penalty = objective_->penalties()[b].data();
      const double* old = point_->factors[b].data();
      double* trial = trial_[b].data();
      double* step = direction_[b].data();
      for (std::size_t i = 0; i < factors_[b].size(); ++i) {
        const double value = factor[i] + part * way[i];
        trial[i] = penalty[i] > 0 && value * sign[i] < 0 ? 0 : value;
        step[i] = trial[i] - old[i];
      }
    }
    if (bent) {
      hessian_.apply(direction_, direction_image_);
      ++products_;
    }
    std::vector<double> numbers;  // of every block: the model's value, and what its slope promised
    for (std::size_t b = 0; b < factors_.size(); ++b) {
      const double* step = direction_[b].data();
      const double* trial = trial_[b].data();
      const double* factor = factors_[b].data();
      const double* old = point_->factors[b].data();
      const double* gradient = point_->gradients[b].data();
      const double* penalty = objective_->penalties()[b].data();
      const double* slope = slope_[b].data();
      double* image = direction_image_[b].data();
      const std::size_t count = factors_[b].size();
      for (std::size_t i = 0; !bent && i < count; ++i) {
        image[i] = image_[b][i] + part * way_image_[b][i];
      }
      const auto extent = static_cast<double>(objective_->extents()[objective_->own_block(b).mode]);
      numbers.push_back(sum_of(count,
                               [=](std::size_t i) {
                                 const double change =
                                     penalty[i] * (std::abs(trial[i]) - std::abs(old[i]));
                                 const double term =
                                     step[i] * (gradient[i] + 0.5 * image[i]) + change;
                                 return step[i] != 0 ? term : 0;
                               }) /
                        extent);
      numbers.push_back(
          sum_of(count, [=](std::size_t i) { return slope[i] * (trial[i] - factor[i]); }) / extent);
    }
    numbers = objective_->of_all_blocks(numbers, 2);
    double value = 0, promised = 0;
    for (std::size_t i = 0; i < numbers.size(); i += 2) {
      value += numbers[i];
      promised += numbers[i + 1];
    }
    if (!(value <= value_ - sufficient * promised)) continue;
    value_ = value;
    std::swap(factors_, trial_);
    std::swap(image_, direction_image_);
    return true;
  }
  return false;
}

Index GraphModel::minimise(double relative, Index most_products) {
  find_residual();
  const double enough = relative * violation_;
  while (violation_ > enough && products_ < most_products) {
    if (!conjugate_gradients() || !search()) break;
    find_residual();
  }
  return products_;
}

double GraphModel::slope() const {
  std::vector<double> slopes;
  for (std::size_t b = 0; b < factors_.size(); ++b) {
    const double* factor = factors_[b].data();
    const double* old = point_->factors[b].data();
    const double* gradient = point_->gradients[b].data();
    const double* penalty = objective_->penalties()[b].data();
    const double sum = sum_of(factors_[b].size(), [=](std::size_t i) {
      const double term = gradient[i] * (factor[i] - old[i]) +
                          penalty[i] * (std::abs(factor[i]) - std::abs(old[i]));
      return factor[i] != old[i] ? term : 0;
    });
    slopes.push_back(sum /
                     static_cast<double>(objective_->extents()[objective_->own_block(b).mode]));
  }
  return objective_->sum_blocks(slopes);
}

}  // namespace kronwerk::models
