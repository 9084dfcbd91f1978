// Where the iteration of a count model starts: a generalised linear model with the filter fixed.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kronwerk/core/text.hpp"
#include "kronwerk/models/flow_counts/count_flow.hpp"
#include "models/fit/small_dense.hpp"
#include "models/flow/cell_sums.hpp"
#include "models/flow_counts/count_sums.hpp"

namespace kronwerk::models {
namespace {

constexpr Index most_iterations = 50;
constexpr Index most_halvings = 30;
/// Of the pivots of the scaled Gram matrix, where a column is one of others.
constexpr double smallest_pivot = 1e-12;
/// Added to the counts before their logarithms are taken.
constexpr double continuity = 0.1;

}  // namespace

void CountFlow::check_columns(std::span<const double> gram) const {
  const SmallCholesky factor(gram, columns_->size(), smallest_pivot);
  const auto dependent = factor.dependent();
  if (!dependent) return;
  std::vector<std::string> others;
  const std::vector<double> weights = factor.dependence();
  for (std::size_t j = 0; j < weights.size(); ++j) {
    if (std::abs(weights[j]) > 1e-6) others.push_back("'" + (*columns_)[j].text + "'");
  }
  const std::string& text = (*columns_)[*dependent].text;
  throw core::DataError(
      others.empty()
          ? fmt::format("column '{}' is zero at every observed flow; leave it out", text)
          : fmt::format("column '{}' is a combination of {} at the observed flows; leave one of "
                        "them out",
                        text, core::join(others, ", ")));
}

// δ of the weighted least squares fit to the logarithms of the counts.
std::vector<double> CountFlow::fit_coefficients() {
  const std::size_t p = columns_->size();
  CellSums sums(basis_, p);
  communication::collectively(*comm_, [&] {
    for (std::size_t first = 0; first < block_; first += CellSums::tile) {
      const std::size_t count = std::min(CellSums::tile, block_ - first);
      double value[CellSums::tile] = {}, weight[CellSums::tile] = {}, none[CellSums::tile] = {};
      visit_counts(counts_, first, count, [&](std::size_t i, double y, double offset) {
        value[i] += (y + continuity) * (std::log(y + continuity) - offset);
        weight[i] += y + continuity;
      });
      sums.add(first, count, value, weight, none);
    }
  });
  sums.finish(*comm_);
  check_columns(sums.gram());
  return SmallCholesky(sums.gram(), p, 0).solved(sums.first());
}

double CountFlow::start_theta(std::span<const double> eta) const {
  std::vector<double> sums(2, 0.0);
  visit_counts(counts_, 0, block_, [&](std::size_t i, double y, double offset) {
    const double lambda = std::exp(eta[i] + offset);
    sums[0] += 1;
    sums[1] += ((y - lambda) * (y - lambda) - lambda) / (lambda * lambda);
  });
  comm_->sum(std::span<double>(sums));
  if (!(sums[1] > 0)) return 100;
  return std::clamp(sums[0] / sums[1], 0.01, 100.0);
}

std::vector<double> CountFlow::begin(std::span<const double> parameters) {
  const std::size_t p = columns_->size();
  last_.reset();
  move_to(parameters);
  solve_columns();
  std::vector<double> delta = fit_coefficients();
  Sums sums = sum_cells(combine(delta), 0, p, nullptr);
  for (Index iteration = 0; iteration < most_iterations && sums.finite(); ++iteration) {
    const SmallCholesky factor(sums.gram, p, 0);
    if (factor.dependent()) break;  // weights that vanish: left to the fit itself
    const std::vector<double> step = factor.solved(sums.gradient);
    const double slope = inner(step, sums.gradient);
    if (slope < 1e-12) break;
    double part = 1;
    for (Index halving = 0; halving < most_halvings; ++halving, part /= 2) {
      std::vector<double> trial = delta;
      for (std::size_t j = 0; j < p; ++j) trial[j] += part * step[j];
      Sums next = sum_cells(combine(trial), 0, p, nullptr);
      if (!next.finite() || !(next.value >= sums.value)) continue;
      delta = std::move(trial);
      sums = std::move(next);
      break;
    }
  }
  std::vector<double> x(parameters.begin(), parameters.end());
  x.insert(x.end(), delta.begin(), delta.end());
  if (has_theta()) x.push_back(std::log(start_theta(combine(delta))));
  return x;
}

}  // namespace kronwerk::models
