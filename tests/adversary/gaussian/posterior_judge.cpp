#include "adversary/gaussian/posterior_judge.hpp"

#include <algorithm>
#include <numbers>

namespace kronwerk::adversary {

namespace {

const Real log_two_pi = std::log(2 * std::numbers::pi_v<Real>);

}  // namespace

Judgement PosteriorJudge::judge() {
  if (!result_.is_open()) return {Verdict::wrong, "there is no result file"};
  const std::size_t draws = result_.values("/sample_stats/lp").size();
  if (draws != 16) check_.complain(fmt::format("{} draws; expected 16", draws));
  const auto beta = result_.values("/posterior/coefficients");
  if (beta.size() != job_.columns_.size() * draws) {
    check_.complain("/posterior/coefficients has a wrong size");
  }
  if (!std::ranges::all_of(beta, [](double value) { return std::isfinite(value); })) {
    check_.complain("a coefficient is not finite");
  }
  if (check_.clean()) {
    for (const std::size_t place : {std::size_t{0}, std::size_t{5}, draws - 1}) draw(place);
  }
  return check_.judgement();
}

void PosteriorJudge::draw(std::size_t place) {
  ModelJob there = job_;
  for (const std::string& name : job_.parameter_names()) {
    const auto values = result_.values("/posterior/" + name);
    if (values.size() <= place) return check_.complain("/posterior/" + name + " is too short");
    there.material_.set_parameter(name, values[place]);
  }
  const DenseModel model(there);
  const auto [density, bound] =
      job_.normal_coefficients_ ? under_normal_prior(model) : under_flat_prior(model);
  const Real expected = density + log_prior(there.material_.parameters());
  check_.near(fmt::format("lp of draw {}", place),
              Vector::Constant(1, result_.values("/sample_stats/lp")[place]), expected,
              bound + slack * epsilon * std::abs(expected));
}

std::pair<Real, Real> PosteriorJudge::under_flat_prior(const DenseModel& model) {
  Real value = 0, bound = 0;
  for (std::size_t k = 0; k < model.observations().size(); ++k) {
    const Observed& o = model.observations()[k];
    const Density density = gaussian_density(o.covariance, o.inverse, model.residual(k));
    const Vector& weights = density.weights;
    const auto n = static_cast<Real>(o.y.size());
    value += density.value;
    const Real size = o.y.norm() + o.columns.norm() * model.regression(k).coefficients.norm();
    bound +=
        model.solve_error(o) * (std::abs(density.square) + weights.norm() * (size + std::sqrt(n)) +
                                std::abs(density.log_determinant) + n);
    if (o.columns.cols() == 0) continue;
    // What log|XᵀK⁻¹X| and the coefficients take of the error of XᵀK⁻¹.
    const Real lever = (o.columns.transpose() * o.inverse).norm();
    const Matrix& covariance = model.regression(k).covariance;
    bound += model.solve_error(o) * covariance.norm() * lever *
             (o.columns.norm() + weights.norm() * o.columns.norm() * size);
    if (k > 0) continue;
    value += 0.5L * (covariance.ldlt().vectorD().array().log().sum() +
                     static_cast<Real>(covariance.rows()) * log_two_pi);
  }
  return {value, bound};
}

/// y ~ N(Xm, K + s² XXᵀ), the observations that share β together.
/// y ~ N(Xm, K + s² XXᵀ), all observations together, as they share β.
std::pair<Real, Real> PosteriorJudge::under_normal_prior(const DenseModel& model) {
  Index count = 0;
  Real error = 0, condition = 0;
  for (const Observed& o : model.observations()) {
    count += o.y.size();
    error = std::max(error, model.solve_error(o));
    condition = std::max(condition, o.inverse.norm());
  }
  Matrix covariance = Matrix::Zero(count, count);
  Matrix columns(count, model.observations().front().columns.cols());
  Vector residual(count);
  Index at = 0;
  for (const Observed& o : model.observations()) {
    const Index n = o.y.size();
    covariance.block(at, at, n, n) = o.covariance;
    columns.middleRows(at, n) = o.columns;
    residual.segment(at, n) = o.y - PosteriorPriors::coefficient_mean * o.columns.rowwise().sum();
    at += n;
  }
  const Real s = PosteriorPriors::coefficient_deviation;
  const Matrix spread = s * s * columns * columns.transpose();
  covariance += spread;
  const Density density = gaussian_density(covariance, inverse(covariance), residual);
  // The sizes are those without β, whose part is taken off.
  const Real size = condition * (residual.squaredNorm() + spread.norm());
  return {density.value, error * (size + std::abs(density.square) +
                                  std::abs(density.log_determinant) + static_cast<Real>(count))};
}

Real PosteriorJudge::log_prior(const Parameters& parameters) const {
  Real sum = 0;
  for (const std::string& name : job_.parameter_names()) {
    const Real value = parameters.at(name);
    const bool is_mean = name == job_.mean_parameter_;
    const Real s = is_mean ? PosteriorPriors::mean_deviation : PosteriorPriors::scale;
    sum -= 0.5L * value * value / (s * s) + std::log(s) + 0.5L * log_two_pi;
    if (!is_mean) sum += std::log(Real{2}) + std::log(value);
  }
  return sum;
}

}  // namespace kronwerk::adversary
