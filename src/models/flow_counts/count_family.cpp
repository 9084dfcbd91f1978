#include "kronwerk/models/flow_counts/count_family.hpp"

#include <cmath>

namespace kronwerk::models {
namespace {

/// From here on Stirling's series to z⁻⁷ has full precision.
constexpr double stirling_from = 16;

/// log Γ(z) beside (z - ½) log z - z + ½ log 2π, and the first two derivatives of that.
struct Rest {
  double value;
  double first;
  double second;
};
Rest stirling_rest(double z) {
  const double r = 1 / z;
  const double r2 = r * r;
  return {r * (1.0 / 12 - r2 * (1.0 / 360 - r2 * (1.0 / 1260 - r2 / 1680))),
          -r2 * (1.0 / 12 - r2 * (1.0 / 120 - r2 * (1.0 / 252 - r2 / 240))),
          r * r2 * (1.0 / 6 - r2 * (1.0 / 30 - r2 * (1.0 / 42 - r2 / 30)))};
}

/// log Γ(θ + y) - log Γ(θ) - y log θ and its derivatives by θ.
struct GammaRatio {
  double value;
  double first;
  double second;
};
GammaRatio gamma_ratio(double y, double theta) {
  if (theta >= stirling_from) {
    const double ratio = std::log1p(y / theta);
    const double sum = theta + y;
    const Rest low = stirling_rest(theta);
    const Rest high = stirling_rest(sum);
    const double part = y / (theta * sum);  // 1/θ - 1/(θ + y)
    return {(sum - 0.5) * ratio - y + high.value - low.value,
            ratio - y / theta + 0.5 * part + high.first - low.first,
            -part + y / (theta * theta) - 0.5 * part * (1 / theta + 1 / sum) + high.second -
                low.second};
  }
  // Γ(θ + y) / Γ(θ) by that at θ + 1.
  const GammaRatio next = gamma_ratio(y, theta + 1);
  const double up = theta + 1;
  const double sum = theta + y;
  // (θ / (θ + y)) ((θ + 1) / θ)^y
  return {next.value + std::log(theta / sum) + y * std::log(up / theta),
          next.first + 1 / theta - 1 / sum + y * (1 / up - 1 / theta),
          next.second - 1 / (theta * theta) + 1 / (sum * sum) -
              y * (1 / (up * up) - 1 / (theta * theta))};
}

}  // namespace

CountTerms poisson_terms(double y, double eta) {
  const double lambda = std::exp(eta);
  CountTerms terms;
  terms.value = y * eta - lambda;
  terms.score = y - lambda;
  terms.weight = lambda;
  return terms;
}

CountTerms negative_binomial_terms(double y, double eta, double theta) {
  const double lambda = std::exp(eta);
  const double sum = theta + lambda;
  const double ratio = std::log1p(lambda / theta);
  const GammaRatio gamma = gamma_ratio(y, theta);
  CountTerms terms;
  terms.value = gamma.value + y * eta - (y + theta) * ratio;
  terms.score = theta / sum * (y - lambda);
  terms.weight = lambda * (theta / sum) * ((theta + y) / sum);
  const double first = gamma.first + y / theta - ratio + (lambda - y) / sum;
  const double second =
      gamma.second - y / (theta * theta) + lambda / (theta * sum) - (lambda - y) / (sum * sum);
  terms.by_theta = theta * first;
  terms.by_theta2 = theta * theta * second + theta * first;
  terms.by_both = theta * (y - lambda) * lambda / (sum * sum);
  return terms;
}

}  // namespace kronwerk::models
