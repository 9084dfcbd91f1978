// Fixed effects of count models: maximised beside every value of the other variables, whose
// derivatives are those of the profile likelihood.
#include <fmt/format.h>

#include <cmath>

#include "kronwerk/models/flow_counts/count_flow.hpp"
#include "models/fit/small_dense.hpp"
#include "models/flow_counts/count_sums.hpp"
#include "models/flow_counts/effect_system.hpp"

namespace kronwerk::models {
namespace {

constexpr Index most_iterations = 100;
constexpr Index most_halvings = 40;
/// Of the squared distance to the maximum, in standard errors.
constexpr double converged = 1e-24;
/// Below this one that does not fall any more is rounding.
constexpr double rounding = 1e-8;

bool finite(std::span<const double> values) {
  return std::ranges::all_of(values, [](double value) { return std::isfinite(value); });
}

[[noreturn]] void refuse(const UntoldEffect& effect) {
  const std::string region =
      fmt::format("{} {}", effect.mode == 0 ? "origin" : "destination", effect.region);
  switch (effect.reason) {
    case UntoldEffect::Reason::unobserved:
      throw core::DataError(fmt::format(
          "the fixed effect of {} has no estimate: not one of its flows was observed; leave the "
          "region out, or '{}' out of the columns",
          region, effect.mode == 0 ? "origin" : "destination"));
    case UntoldEffect::Reason::zero:
      throw core::DataError(fmt::format(
          "the fixed effect of {} has no finite estimate: all its observed flows are 0; leave the "
          "region out, or '{}' out of the columns",
          region, effect.mode == 0 ? "origin" : "destination"));
    case UntoldEffect::Reason::apart:
      break;
  }
  throw core::DataError(fmt::format(
      "the fixed effects cannot be told apart: no chain of observed flows leads from origin 0 to "
      "{}; leave one of these groups of regions out, or have the effects of one mode only",
      region));
}

}  // namespace

CountFlow::~CountFlow() = default;

void CountFlow::absorb(const FixedEffects& effects) {
  if (!effects.any()) return;
  if (const auto untold = find_untold_effect(*comm_, effects, filter_->extents(), counts_.years)) {
    refuse(*untold);
  }
  system_ = std::make_unique<EffectSystem>(*comm_, effects, filter_->extents());
}

EffectValues CountFlow::effects() const {
  if (!system_) return {};
  return apply_to_effects(*filter_, *matrices_, coefficients_.value, system_->split(effects_));
}

const std::vector<double>& CountFlow::field() const noexcept {
  return system_ ? field_ : eta_;
}

// For all cells what the years sum to.
CountFlow::CellTerms CountFlow::cell_terms(std::span<const double> eta, double theta) const {
  CellTerms result;
  double value = 0;
  communication::collectively(*comm_, [&] {
    for (auto* cells : {&result.score, &result.weight, &result.both}) cells->assign(block_, 0.0);
    visit_counts(counts_, 0, block_, [&](std::size_t i, double y, double offset) {
      const CountTerms terms = terms_at(y, eta[i] + offset, theta);
      value += terms.value;
      result.score[i] += terms.score;
      result.weight[i] += terms.weight;
      result.both[i] += terms.by_both;
    });
  });
  result.value = comm_->sum(value);
  return result;
}

// One sweep of iterative proportional fitting: what the totals of origins, then those of
// destinations say.
void CountFlow::start_effects() {
  effects_.assign(system_->size(), 0.0);
  std::vector<double> flows(block_, 0.0), eta = field_;
  visit_counts(counts_, 0, block_, [&](std::size_t i, double y, double) { flows[i] += y; });
  const auto totals = system_->split(system_->sums(flows));
  for (std::size_t mode = 0; mode < 2; ++mode) {
    if (totals[mode].empty()) continue;
    std::vector<double> means(block_, 0.0);
    visit_counts(counts_, 0, block_, [&](std::size_t i, double, double offset) {
      means[i] += std::exp(eta[i] + offset);
    });
    const auto expected = system_->split(system_->sums(means));
    const std::size_t first = mode == 0 ? 0 : totals[0].size();
    for (std::size_t i = 0; i < totals[mode].size(); ++i) {
      effects_[first + i] = std::log(totals[mode][i] / expected[mode][i]);
    }
    eta = field_;
    system_->add(effects_, eta);
  }
}

bool CountFlow::fit_effects(double theta) {
  const auto terms_with = [&](const std::vector<double>& effects) {
    eta_ = field_;
    system_->add(effects, eta_);
    return cell_terms(eta_, theta);
  };
  CellTerms now;
  now.value = std::nan("");
  if (!effects_.empty()) now = terms_with(effects_);
  if (!std::isfinite(now.value)) {
    start_effects();
    if (finite(effects_)) now = terms_with(effects_);
  }
  double last = std::numeric_limits<double>::infinity();
  for (Index iteration = 0; iteration < most_iterations && std::isfinite(now.value); ++iteration) {
    const auto gradient = system_->sums(now.score);
    system_->set_weights(std::move(now.weight));
    const auto step = system_->solve(gradient);
    const double distance = inner(step, gradient);
    if (!std::isfinite(distance)) break;
    if (distance <= converged || (distance <= rounding && distance > last / 4)) {
      both_sums_ = has_theta() ? system_->sums(now.both) : std::vector<double>();
      return true;
    }
    last = distance;
    const double allowed = now.value - 1e-12 * std::abs(now.value);
    double part = 1;
    bool better = false;
    for (Index halving = 0; halving < most_halvings && !better; ++halving, part /= 2) {
      std::vector<double> trial = effects_;
      for (std::size_t i = 0; i < trial.size(); ++i) trial[i] += part * step[i];
      CellTerms next = terms_with(trial);
      better = next.value >= allowed;
      if (!better) continue;
      effects_ = std::move(trial);
      now = std::move(next);
    }
    if (!better) break;
  }
  effects_.clear();
  return false;
}

bool CountFlow::move_field(std::vector<double> field, double theta) {
  last_.reset();
  combined_.clear();
  theta_ = theta;
  if (!system_) {
    eta_ = std::move(field);
    return true;
  }
  field_ = std::move(field);
  return fit_effects(theta);
}

// With H the second derivatives by effects, -DᵀΛD, the profile likelihood has those by the other
// variables less F̂ᵀH⁻¹F̂, F̂ those by both.
void CountFlow::absorb_curvature(std::vector<double>& hessian) {
  const std::size_t p = columns_->size();
  const std::size_t n = variables();
  const std::size_t m = system_->size();
  std::vector<double> both(n * m, 0.0);
  const auto set = [&](std::size_t variable, const std::vector<double>& values, double sign) {
    for (std::size_t i = 0; i < m; ++i) both[variable * m + i] = sign * values[i];
  };
  for (std::size_t a = 0; a < p + free(); ++a) {
    set(place(a), system_->weighted_sums(basis_[a]), -1);
  }
  if (has_theta()) set(n - 1, both_sums_, 1);
  responses_ = system_->solve(both);
  for (std::size_t a = 0; a < n; ++a) {
    for (std::size_t b = 0; b < n; ++b) {
      hessian[a * n + b] += inner(std::span(both).subspan(a * m, m),
                                  std::span<const double>(responses_).subspan(b * m, m));
    }
  }
}

// Each cell's score by a variable is that at fixed effects and what these respond: its score by
// them times `responses_`.
void CountFlow::absorb_scores(std::vector<double>& products) const {
  const std::size_t p = columns_->size();
  const std::size_t n = variables();
  const std::size_t m = system_->size();
  std::vector<double> squares(block_, 0.0), mixed(block_, 0.0);
  visit_counts(counts_, 0, block_, [&](std::size_t i, double y, double offset) {
    const CountTerms terms = terms_at(y, eta_[i] + offset, theta_);
    squares[i] += terms.score * terms.score;
    mixed[i] += terms.score * terms.by_theta;
  });
  EffectSystem system(*comm_, system_->effects(), filter_->extents());
  system.set_weights(std::move(squares));
  const std::span<const double> responses(responses_);
  std::vector<std::vector<double>> sums(n), images(n);
  for (std::size_t a = 0; a < p + free(); ++a) {
    sums[place(a)] = system.weighted_sums(basis_[a]);
  }
  if (has_theta()) sums[n - 1] = system.sums(mixed);
  for (std::size_t a = 0; a < n; ++a) images[a] = system.apply(responses.subspan(a * m, m));
  for (std::size_t a = 0; a < n; ++a) {
    const auto own = responses.subspan(a * m, m);
    for (std::size_t b = 0; b < n; ++b) {
      products[a * n + b] +=
          inner(own, sums[b]) + inner(own, images[b]) + inner(responses.subspan(b * m, m), sums[a]);
    }
  }
}

}  // namespace kronwerk::models
