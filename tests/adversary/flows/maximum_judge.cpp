// Whether fits of flow models ended at a maximum, and the curvature of the likelihood there.
#include <algorithm>
#include <cmath>

#include "adversary/flows/flow_judge.hpp"

namespace kronwerk::adversary {
namespace {

/// Distance to the maximum that a fit may end at, in standard errors; asked for is 1e-6.
constexpr Real near_enough = 1e-4L;
/// Of derivatives by differences.
constexpr Real difference_error = 1e-5L;
/// Eigenvalues of a scaled information below which a direction is not told by the flows.
constexpr Real flat = 1e-5L;

/// The least eigenvalue of a matrix that is scaled to a diagonal of 1 where that is positive.
Real least_curvature(const Matrix& information) {
  Vector scale = information.diagonal();
  for (Real& value : scale) value = value > 0 ? 1 / std::sqrt(value) : 1;
  const Matrix scaled = scale.asDiagonal() * information * scale.asDiagonal();
  return Eigen::SelfAdjointEigenSolver<Matrix>(scaled, Eigen::EigenvaluesOnly)
      .eigenvalues()
      .minCoeff();
}

}  // namespace

/// Whether θ is so large that its curvature is lost in rounding.
bool FlowJudge::poissonian(const Vector& x) const {
  return job_.family_ == "negative_binomial" && x(x.size() - 1) > std::log(1e3L);
}

Real FlowJudge::posterior(const Vector& x) const {
  Real sum = model_.log_likelihood(x);
  for (Index k = 0; k < model_.parameters(); ++k) {
    const auto& deviation = job_.free_[static_cast<std::size_t>(k)].prior_deviation;
    if (deviation) sum -= 0.5L * x(k) * x(k) / (*deviation * *deviation);
  }
  return sum;
}

/// The gradient vanishes within standard errors, but where bounds or the region hold it back.
void FlowJudge::check_maximum(const Vector& x) {
  const Function likelihood = [&](const Vector& at) { return model_.log_likelihood(at); };
  const Function target = [&](const Vector& at) { return posterior(at); };
  const Vector steps = difference_steps(likelihood, x);
  const Matrix hessian = hessian_of(likelihood, x, steps);
  if (!hessian.allFinite()) return;
  if (result_.report("at_border").value_or(0) != 0) return;
  const Vector gradient = gradient_of(target, x, steps);
  std::vector<Index> inside;
  for (Index i = 0; i < x.size(); ++i) {
    if (i >= model_.parameters() || !fixed(i, x(i))) {
      inside.push_back(i);
      continue;
    }
    const FreeParameter& free = job_.free_[static_cast<std::size_t>(i)];
    const bool low = free.lower && x(i) < *free.lower + 1e-9L;
    // Held back is what would like to go on.
    if (gradient(i) * (low ? 1 : -1) * steps(i) * 1e3L > near_enough) {
      check_.complain(fmt::format("{} is on its bound, but the likelihood grows inwards by {:.3g}",
                                  free.name, gradient(i)));
    }
  }
  const Matrix own = hessian_of(target, x, steps)(inside, inside);
  if (poissonian(x)) return;
  const Real least = least_curvature(-own);
  if (least < -flat) check_.complain("the end of the fit is no maximum");
  if (least < flat) return;  // the flows do not tell all of the variables
  const Vector slope = gradient(inside);
  const Real decrement = std::sqrt(slope.dot(Vector((-own).ldlt().solve(slope))));
  if (decrement > near_enough) {
    check_.complain(
        fmt::format("the fit ended {:.3g} standard errors from its maximum", decrement));
  }
  check_covariance(x, hessian, steps);
}

void FlowJudge::check_covariance(const Vector& x, const Matrix& hessian, const Vector& steps) {
  const Index p = model_.parameters();
  const Index columns = model_.columns();
  std::vector<Index> inside;
  for (Index i = 0; i < x.size(); ++i) {
    if (i >= p || !fixed(i, x(i))) inside.push_back(i);
  }
  const Matrix information = -hessian(inside, inside);
  const Real curvature = least_curvature(information);
  if (curvature < flat) return;
  const Real error = difference_error / std::min(Real{1}, curvature);
  Matrix covariance = Matrix::Zero(x.size(), x.size());
  covariance(inside, inside) = inverse(information);
  // Of what the program tells: not the fixed effects, and θ itself.
  Vector slopes = Vector::Ones(x.size());
  if (job_.family_ == "negative_binomial") slopes(x.size() - 1) = std::exp(x(x.size() - 1));
  std::vector<Index> told;
  for (Index i = 0; i < x.size(); ++i) {
    if (i < p + columns || i >= p + model_.design().cols()) told.push_back(i);
  }
  const auto outward = [&](const Matrix& inner) {
    const Matrix scaled = slopes.asDiagonal() * inner * slopes.asDiagonal();
    return Matrix(scaled(told, told));
  };
  const Vector at = x(told);
  check_block("/parameter_covariance", outward(covariance), at, error);
  if (job_.gaussian() || !check_.clean()) return;
  // The sandwich, from the scores of all flows.
  Matrix scores(model_.observed(), x.size());
  for (Index i = 0; i < x.size(); ++i) {
    const auto moved = [&](Real count) {
      Vector there = x;
      there(i) += count * steps(i);
      return model_.cell_terms(there);
    };
    scores.col(i) = (8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / (12 * steps(i));
  }
  const Matrix middle = scores.transpose() * scores;
  // Where the model repeats every flow, scores are rounding.
  if (middle.trace() < 1e-6L * information.trace()) return;
  check_block("/robust_covariance", outward(covariance * middle * covariance), at, error);
}

void FlowJudge::check_block(const std::string& path, const Matrix& covariance, const Vector& at,
                            Real error) {
  if (!result_.has(path)) return check_.complain(path + " is not there");
  const Index n = at.size();
  const Vector found = values(path);
  if (found.size() != n * n) return check_.complain(path + " has a wrong size");
  const Matrix matrix = found.reshaped<Eigen::RowMajor>(n, n);
  const Vector deviations = covariance.diagonal().cwiseSqrt();
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j) {
      if (!(deviations(i) > 0) || !(deviations(j) > 0)) continue;
      const Real scale = deviations(i) * deviations(j);
      check_.within(fmt::format("{} at {}, {} (scaled)", path, i, j), matrix(i, j) / scale,
                    covariance(i, j) / scale, error);
    }
  }
}

}  // namespace kronwerk::adversary
