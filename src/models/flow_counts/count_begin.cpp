// Where the iteration of a count model starts: a generalised linear model with the filter fixed.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "kronwerk/core/text.hpp"
#include "kronwerk/models/flow_counts/count_flow.hpp"
#include "models/fit/small_dense.hpp"
#include "models/flow/cell_sums.hpp"
#include "models/flow_counts/count_sums.hpp"
#include "models/flow_counts/effect_system.hpp"

namespace kronwerk::models {
namespace {

constexpr Index most_iterations = 50;
constexpr Index most_halvings = 30;
/// Of the pivots of the scaled Gram matrix, where a column is one of others.
constexpr double smallest_pivot = 1e-12;
/// Of the squared distance from the best δ, in standard errors: so near that what the likelihood
/// lacks does not make steps in all variables look useless, and where a start begins.
constexpr double near = 1e-6;
constexpr double nearest = 1e-12;
/// Of that distance, beyond which δ is looked for from the counts themselves.
constexpr double far = 100;

}  // namespace

/// @param whole  the Gram matrix before fixed effects are taken out of it
void CountFlow::check_columns(std::span<const double> gram, std::span<const double> whole) const {
  const std::size_t p = columns_->size();
  for (std::size_t j = 0; system_ && j < p; ++j) {
    if (!(whole[j * p + j] > 0) || gram[j * p + j] > smallest_pivot * whole[j * p + j]) continue;
    throw core::DataError(
        fmt::format("column '{}' is a combination of the fixed effects at the observed flows; "
                    "leave it out",
                    (*columns_)[j].text));
  }
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

// δ of the weighted least squares fit to the logarithms of the counts; none where columns depend on
// others, unless that is refused.
std::vector<double> CountFlow::fit_coefficients(bool checked) {
  const std::size_t p = columns_->size();
  CellSums sums(basis_, p);
  std::vector<double> weights(system_ ? block_ : 0), values(weights.size());
  communication::collectively(*comm_, [&] {
    for (std::size_t first = 0; first < block_; first += CellSums::tile) {
      const std::size_t count = std::min(CellSums::tile, block_ - first);
      double value[CellSums::tile] = {}, weight[CellSums::tile] = {}, none[CellSums::tile] = {};
      weigh_logarithms(counts_, first, count, value, weight);
      sums.add(first, count, value, weight, none);
      if (!system_) continue;
      std::copy_n(weight, count, weights.begin() + static_cast<Index>(first));
      std::copy_n(value, count, values.begin() + static_cast<Index>(first));
    }
  });
  sums.finish(*comm_);
  std::vector<double> gram = sums.gram();
  std::vector<double> right = sums.first();
  if (system_) {
    system_->set_weights(std::move(weights));
    const auto responses = absorb_gram(gram);
    const auto totals = system_->sums(values);
    for (std::size_t j = 0; j < p; ++j) {
      right[j] -= inner(std::span(responses).subspan(j * totals.size(), totals.size()), totals);
    }
  }
  if (checked) check_columns(gram, sums.gram());
  const SmallCholesky factor(gram, p, 0);
  return factor.dependent() ? std::vector<double>() : factor.solved(right);
}

// Takes the effects out of ZᵀΛZ; (p, effects): what they respond to each column.
std::vector<double> CountFlow::absorb_gram(std::vector<double>& gram) const {
  const std::size_t p = columns_->size();
  const std::size_t m = system_->size();
  std::vector<double> both;
  for (std::size_t j = 0; j < p; ++j) {
    const auto sums = system_->weighted_sums(basis_[j]);
    both.insert(both.end(), sums.begin(), sums.end());
  }
  const auto responses = system_->solve(both);
  for (std::size_t a = 0; a < p; ++a) {
    for (std::size_t b = 0; b < p; ++b) {
      gram[a * p + b] -=
          inner(std::span(both).subspan(a * m, m), std::span(responses).subspan(b * m, m));
    }
  }
  return responses;
}

// At the effects that are best for δ; of the Poisson distribution for θ = 0.
CountFlow::Sums CountFlow::sum_profile(std::span<const double> delta, double theta) {
  if (!system_) {  // η on the way, while the columns are in the cache
    std::vector<double> eta = std::exchange(eta_, {});
    eta.resize(block_);
    Sums sums =
        sum_cells(eta, theta, columns_->size(), nullptr,
                  [&](std::size_t first, std::size_t count) { combine(delta, first, count, eta); });
    move_field(std::move(eta), theta);
    combined_.assign(delta.begin(), delta.end());
    return sums;
  }
  if (!move_field_to(delta, theta)) {
    Sums none;
    none.value = std::nan("");
    return none;
  }
  Sums sums = sum_cells(eta_, theta, columns_->size(), nullptr);
  absorb_gram(sums.gram);
  return sums;
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

// δ of the counts' logarithms where it is likelier than δ itself, which is far from its maximum. So
// it is after a step of the filter's parameters to where A is nearly singular: η is finite there
// with a δ that vanishes.
void CountFlow::begin_again(std::span<double> delta, double theta, Sums& sums) {
  if (sums.finite()) {
    const SmallCholesky factor(sums.gram, delta.size(), 0);
    if (factor.dependent() || inner(factor.solved(sums.gradient), sums.gradient) < far) return;
  }
  const std::vector<double> other = fit_coefficients(false);
  if (other.size() != delta.size()) return;
  Sums next = sum_profile(other, theta);
  if (!next.finite() || (sums.finite() && next.value < sums.value)) return;
  std::ranges::copy(other, delta.begin());
  sums = std::move(next);
}

// Moves δ towards its maximum beside all else, by weighted least squares.
void CountFlow::climb(std::span<double> delta, double theta, double enough) {
  const std::size_t p = columns_->size();
  Sums sums = sum_profile(delta, theta);
  if (enough > nearest) begin_again(delta, theta, sums);
  for (Index iteration = 0; iteration < most_iterations && sums.finite(); ++iteration) {
    const SmallCholesky factor(sums.gram, p, 0);
    if (factor.dependent()) return;  // weights that vanish: left to the fit itself
    const std::vector<double> step = factor.solved(sums.gradient);
    const double slope = inner(step, sums.gradient);
    if (slope < enough) return;
    double part = 1;
    bool grew = false;
    for (Index halving = 0; halving < most_halvings; ++halving, part /= 2) {
      std::vector<double> trial(delta.begin(), delta.end());
      for (std::size_t j = 0; j < p; ++j) trial[j] += part * step[j];
      Sums next = sum_profile(trial, theta);
      if (!next.finite() || !(next.value >= sums.value)) continue;
      std::ranges::copy(trial, delta.begin());
      grew = true;
      sums = std::move(next);
      break;
    }
    if (!grew) return;
  }
}

std::optional<NewtonPoint> CountFlow::evaluate_near(std::span<const double> x) {
  if (last_ && std::ranges::equal(last_->x, x)) return last_;
  last_.reset();
  std::vector<double> moved(x.begin(), x.end());
  try {
    move_to(x.first(free()));
    solve_columns();
    climb(std::span(moved).subspan(free(), columns_->size()), has_theta() ? std::exp(x.back()) : 0,
          near);
  } catch (const core::DataError&) {  // a singular filter, on every rank
    return std::nullopt;
  }
  return evaluate(moved);
}

std::vector<double> CountFlow::begin(std::span<const double> parameters) {
  last_.reset();
  move_to(parameters);
  solve_columns();
  std::vector<double> delta = fit_coefficients(true);
  if (system_ && !sum_profile(delta, 0).finite()) {
    throw core::DataError(
        "the fixed effects have no finite estimates (separation): some flows that were observed "
        "are 0 whatever the effects of their regions; leave these regions out");
  }
  climb(delta, 0, nearest);
  std::vector<double> x(parameters.begin(), parameters.end());
  x.insert(x.end(), delta.begin(), delta.end());
  if (has_theta()) {
    sum_profile(delta, 0);
    x.push_back(std::log(start_theta(eta_)));
  }
  return x;
}

}  // namespace kronwerk::models
