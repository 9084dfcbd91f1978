// What fits of flow models wrote: the likelihood and what follows from it where they ended.
#include <algorithm>
#include <cmath>

#include "adversary/flows/flow_judge.hpp"

namespace kronwerk::adversary {

bool FlowJudge::fixed(Index parameter, Real value) const {
  const FreeParameter& free = job_.free_[static_cast<std::size_t>(parameter)];
  const Real near = 1e-9L;
  return (free.lower && value < *free.lower + near) || (free.upper && value > *free.upper - near);
}

void FlowJudge::check_parameters(const Vector& theta) {
  for (Index k = 0; k < theta.size(); ++k) {
    const FreeParameter& free = job_.free_[static_cast<std::size_t>(k)];
    const Real near = 1e-9L;
    if ((free.lower && theta(k) < *free.lower - near) ||
        (free.upper && theta(k) > *free.upper + near)) {
      check_.complain(fmt::format("{} = {} is outside of its bounds", free.name, theta(k)));
    }
  }
  // Of counts the region is that of one matrix for each mode.
  const Real margin = job_.gaussian() || job_.form_ != "form 10" ? model_.margin(theta) : 0;
  if (margin < -1e-4L) {
    check_.complain(fmt::format("the estimate is outside of the feasible region: {}", margin));
  }
}

/// (θ, δ, fixed effects, σ² or log θ) as they were written.
Vector FlowJudge::estimates() {
  Vector x(model_.variables());
  Index place = 0;
  for (const FreeParameter& free : job_.free_) x(place++) = number("/parameters/" + free.name);
  const Vector coefficients = values("/coefficients");
  if (coefficients.size() != model_.columns()) check_.complain("/coefficients has a wrong size");
  for (Index c = 0; c < coefficients.size(); ++c) x(place++) = coefficients(c);
  for (const std::size_t mode : {0U, 1U}) {
    if (!job_.effects_[mode]) continue;
    const Vector effects =
        values(mode == 0 ? "/fixed_effects/origin" : "/fixed_effects/destination");
    if (effects.size() != job_.extents_[mode]) {
      check_.complain("/fixed_effects has a wrong size");
      return x;
    }
    const bool short_by_one = mode == 1 && job_.effects_[0];
    for (Index i = 0; i < effects.size() - (short_by_one ? 1 : 0); ++i) x(place++) = effects(i);
    if (short_by_one) {
      check_.within("sum of the destinations' effects", effects.sum(), 0, 1e-9L * effects.norm());
    }
  }
  if (job_.gaussian()) x(place) = number("/sigma2");
  if (job_.family_ == "negative_binomial") x(place) = std::log(number("/theta"));
  return x;
}

void FlowJudge::fit() {
  const Vector x = estimates();
  if (!check_.clean()) return;
  const Vector theta = x.head(model_.parameters());
  check_parameters(theta);
  if (!check_.clean()) return;
  job_.gaussian() ? check_gaussian(theta) : check_counts(x);
  if (!check_.clean()) return;
  check_fitted(x);
  if (check_.clean() && ending_.code == 0) check_maximum(x);
}

void FlowJudge::check_gaussian(const Vector& theta) {
  const auto& at = model_.products(theta);
  const Vector beta = at.zz.size() == 0 ? Vector(0) : Vector(at.zz.ldlt().solve(at.zy));
  const auto n = static_cast<Real>(model_.observed());
  const Real squares = at.yy - beta.dot(at.zy);
  const Real condition = model_.condition(theta);
  const Real tilt = model_.collinearity(theta);
  // Moments are sums of squares: what cancels in S, and what collinear columns lose.
  const Real error =
      slack * epsilon * condition * condition * (tilt * tilt + at.yy / std::abs(squares));
  const Real length = std::sqrt(at.yy);
  Vector scaled(beta.size());
  Vector found(beta.size());
  const Vector written = estimates().segment(model_.parameters(), beta.size());
  for (Index j = 0; j < beta.size(); ++j) {
    scaled(j) = beta(j) * std::sqrt(at.zz(j, j));
    found(j) = written(j) * std::sqrt(at.zz(j, j));
  }
  check_.near("/coefficients (scaled)", found, scaled, error * tilt * length, length);
  check_.near("/sigma2", Vector::Constant(1, number("/sigma2")), squares / n, error * squares / n);
  // Of all years.
  const Real log_determinant = static_cast<Real>(job_.count_) * model_.log_determinant(theta);
  if (!job_.any_missing()) {
    const Real found_determinant = number("/logdet");
    const Real rounding =
        slack * epsilon * (condition + std::abs(log_determinant)) * static_cast<Real>(job_.cells());
    check_.within("/logdet", found_determinant, log_determinant, rounding);
  }
  const Real log_likelihood =
      -0.5L * (n * (std::log(2 * std::numbers::pi_v<Real> * squares / n) + 1) + at.log_determinant);
  check_criteria(log_likelihood + (job_.jacobian_ ? model_.log_jacobian() : 0),
                 error * n + slack * epsilon * condition * n);
}

void FlowJudge::check_counts(const Vector& x) {
  const Vector terms = model_.cell_terms(x);
  const Vector theta = x.head(model_.parameters());
  const Vector eta = model_.basis(theta) * x.segment(model_.parameters(), model_.design().cols());
  // A count's term moves by y - λ with η.
  Real pull = 1;
  for (Index year = 0; year < job_.count_; ++year) {
    for (Index cell = 0; cell < job_.cells(); ++cell) {
      if (job_.is_missing(year, cell)) continue;
      pull += model_.y(year, cell) + model_.exposure(year, cell) * std::exp(eta(cell));
    }
  }
  check_criteria(terms.sum(), solve_error(theta) * (1 + eta.norm()) * pull +
                                  slack * epsilon * terms.cwiseAbs().sum());
}

void FlowJudge::check_criteria(Real log_likelihood, Real error) {
  const auto count = static_cast<Real>(model_.variables());
  const auto n = static_cast<Real>(model_.observed());
  check_.within("/log_likelihood", number("/log_likelihood"), log_likelihood, error);
  check_.within("/aic", number("/aic"), 2 * count - 2 * log_likelihood, 2 * error);
  check_.within("/bic", number("/bic"), count * std::log(n) - 2 * log_likelihood, 2 * error);
}

void FlowJudge::check_fitted(const Vector& x) {
  const Vector theta = x.head(model_.parameters());
  const Vector beta = x.segment(model_.parameters(), model_.design().cols());
  const Vector trend = model_.design() * beta;
  const Real size = (model_.design().cwiseAbs() * beta.cwiseAbs()).norm();
  check_.near("/fitted/trend", values("/fitted/trend"), trend, slack * epsilon * size, size);
  const Vector eta = job_.on_errors_ ? trend : Vector(model_.basis(theta) * beta);
  // Next to a singular filter η is large beside the trend that it is solved from.
  const Real rounding = slack * epsilon * model_.condition(theta) * eta.norm();
  const Real error =
      job_.on_errors_ ? slack * epsilon * size : solve_error(theta) * size + rounding;
  const std::string path = job_.gaussian() ? "/fitted/expectation" : "/fitted/linear_predictor";
  check_.near(path, values(path), eta, error, size);
  const Vector residual = values("/residual");
  if (residual.size() != job_.count_ * job_.cells()) {
    return check_.complain("/residual has a wrong size");
  }
  Real correlation = 0, all = 0, expected = 0, observed = 0, mean = 0, level = 0;
  const auto n = static_cast<Real>(model_.observed());
  for (const bool second : {false, true}) {
    for (Index year = 0; year < job_.count_; ++year) {
      for (Index cell = 0; cell < job_.cells(); ++cell) {
        const Index place = year * job_.cells() + cell;
        if (job_.is_missing(year, cell)) {
          if (!std::isnan(residual(place))) check_.complain("a residual of a missing flow");
          continue;
        }
        const Real y = model_.y(year, cell);
        const Real fit =
            job_.gaussian() ? eta(cell) : model_.exposure(year, cell) * std::exp(eta(cell));
        if (!second) {
          const Real own = slack * epsilon * (std::abs(y) + std::abs(fit));
          check_.within("/residual", residual(place), y - fit,
                        own + error * (job_.gaussian() ? 1 : fit));
          mean += y / n;
          level += fit / n;
          continue;
        }
        correlation += (y - mean) * (fit - level);
        observed += (y - mean) * (y - mean);
        expected += (fit - level) * (fit - level);
        all += y * y + fit * fit;
      }
    }
  }
  if (expected < 1e-10L * all || observed < 1e-10L * all) return;  // a constant has no correlation
  check_.within(
      "/r2", number("/r2"), correlation * correlation / (observed * expected),
      (error / std::sqrt(expected) + slack * epsilon) * all / std::min(expected, observed));
}

}  // namespace kronwerk::adversary
