// See src/MATHEMATICS.md, "Counts on grids".
#include "kronwerk/models/laplace/cell_likelihood.hpp"

#include <algorithm>
#include <cmath>

#include "kronwerk/models/flow_counts/count_family.hpp"

namespace kronwerk::models {
namespace {

/// 1 / (1 + exp(−f)), exact to rounding on both sides.
double logistic(double f) {
  if (f >= 0) return 1 / (1 + std::exp(-f));
  const double e = std::exp(f);
  return e / (1 + e);
}

/// log(1 + exp(f))
double softplus(double f) {
  return std::max(f, 0.0) + std::log1p(std::exp(-std::abs(f)));
}

double log_choose(double n, double k) {
  return std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1);
}

}  // namespace

std::string to_text(CellFamily family) {
  switch (family) {
    case CellFamily::poisson:
      return "poisson";
    case CellFamily::negative_binomial:
      return "negative_binomial";
    case CellFamily::binomial:
      return "binomial";
    case CellFamily::bernoulli:
      return "bernoulli";
  }
  return "";
}

bool has_log_link(CellFamily family) {
  return family == CellFamily::poisson || family == CellFamily::negative_binomial;
}

CellTerms CellLikelihood::terms(double y, double size, double f) const {
  if (!has_log_link(family)) {
    const double p = logistic(f);
    const double q = logistic(-f);
    // y log p + (size − y) log q, each without cancellation.
    const double value = log_choose(size, y) - (y > 0 ? y * softplus(-f) : 0) -
                         (y < size ? (size - y) * softplus(f) : 0);
    return {value, y * q - (size - y) * p, size * p * q, p - q};
  }
  const double eta = f + std::log(size);
  const bool poisson = family == CellFamily::poisson;
  const CountTerms counts =
      poisson ? poisson_terms(y, eta) : negative_binomial_terms(y, eta, theta);
  // The weight of the negative binomial is λθ(θ + y)/(θ + λ)².
  const double lambda = std::exp(eta);
  const double steepness = poisson ? -1 : (lambda - theta) / (lambda + theta);
  return {counts.value - std::lgamma(y + 1), counts.score, counts.weight, steepness};
}

CellLikelihood::ByTheta CellLikelihood::by_theta(double y, double size, double f) const {
  if (family != CellFamily::negative_binomial) return {};
  const double eta = f + std::log(size);
  const CountTerms counts = negative_binomial_terms(y, eta, theta);
  const double lambda = std::exp(eta);
  return {counts.by_theta / theta, counts.by_both / theta,
          1 / theta + 1 / (theta + y) - 2 / (theta + lambda)};
}

double CellLikelihood::link(double y, double size) const {
  if (has_log_link(family)) return std::log((y + 0.5) / size);
  return std::log((y + 0.5) / (size - y + 0.5));
}

double CellLikelihood::mean(double size, double f) const {
  return size * (has_log_link(family) ? std::exp(f) : logistic(f));
}

double CellLikelihood::variance(double size, double f) const {
  const double m = mean(size, f);
  if (!has_log_link(family)) return m * logistic(-f);
  return family == CellFamily::poisson ? m : m + m * m / theta;
}

}  // namespace kronwerk::models
