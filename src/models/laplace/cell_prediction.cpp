// See src/MATHEMATICS.md, "Counts on grids".
#include "kronwerk/models/laplace/cell_prediction.hpp"

#include <algorithm>
#include <boost/math/special_functions/beta.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>

namespace kronwerk::models {
namespace {

namespace policies = boost::math::policies;
/// Uniform asymptotic expansions for large counts are those of double precision.
using InDouble = policies::policy<policies::promote_double<false>>;

// Trapezoidal rule over the field: of functions as smooth as these its error falls with
// exp(-(π width / step)²), width being that of what is integrated.
constexpr double reach = 6;  ///< standard deviations
constexpr int least_points = 48;
constexpr int most_points = 1024;

/// Calls use(f, probability) for points of a normal distribution.
template <typename Use>
void over_field(double mean, double variance, int points, const Use& use) {
  const double deviation = std::sqrt(std::max(variance, 0.0));
  if (deviation == 0) return use(mean, 1.0);
  double total = 0;
  for (int i = 0; i <= points; ++i) {
    const double z = reach * (2.0 * i / points - 1);
    total += std::exp(-z * z / 2);
  }
  for (int i = 0; i <= points; ++i) {
    const double z = reach * (2.0 * i / points - 1);
    use(mean + deviation * z, std::exp(-z * z / 2) / total);
  }
}

}  // namespace

double cumulative(const CellLikelihood& likelihood, double size, double f, double count) {
  if (count < 0) return 0;
  const double k = std::floor(count);
  const double m = likelihood.mean(size, f);
  if (m <= 0) return 1;
  if (std::isinf(m)) return 0;
  switch (likelihood.family) {
    case CellFamily::poisson:
      // A normal distribution to 1e-6, further than the library goes.
      if (std::max(k, m) > 1e10) return 0.5 * std::erfc((m - k - 0.5) / std::sqrt(2 * m));
      // By Chernoff's bound less than the least number there is.
      if (m > k && (m - k) * ((m - k) / m) > 1500) return 0;
      return boost::math::gamma_q(k + 1, m, InDouble());
    case CellFamily::negative_binomial:
      return boost::math::ibeta(likelihood.theta, k + 1, likelihood.theta / (likelihood.theta + m),
                                InDouble());
    case CellFamily::binomial:
    case CellFamily::bernoulli:
      break;
  }
  if (k >= size) return 1;
  return boost::math::ibetac(k + 1, size - k, m / size, InDouble());
}

CellMoments predicted_moments(const CellLikelihood& likelihood, double size, double mean,
                              double variance) {
  if (has_log_link(likelihood.family)) {
    const double first = size * std::exp(mean + variance / 2);
    const double of_means = first * first * std::expm1(variance);
    double noise = first;
    if (likelihood.family == CellFamily::negative_binomial) {
      noise += (of_means + first * first) / likelihood.theta;
    }
    return {first, of_means + noise};
  }
  double first = 0, second = 0, noise = 0;
  over_field(mean, variance, 2 * least_points, [&](double f, double probability) {
    const double m = likelihood.mean(size, f);
    first += probability * m;
    second += probability * m * m;
    noise += probability * likelihood.variance(size, f);
  });
  return {first, std::max(second - first * first, 0.0) + noise};
}

double predicted_quantile(const CellLikelihood& likelihood, double size, double mean,
                          double variance, double level) {
  // Counts change from unlikely to likely within about the relative deviation of their mean.
  const double deviation = std::sqrt(std::max(variance, 0.0));
  const double high = likelihood.mean(size, mean + 2 * deviation);
  const double relative =
      high > 0 ? std::sqrt(likelihood.variance(size, mean + 2 * deviation)) / high : 1;
  const int points = static_cast<int>(
      std::clamp(2 * reach * 2 * deviation / std::max(relative, 1e-9),
                 static_cast<double>(least_points), static_cast<double>(most_points)));
  const auto probability = [&](double count) {
    double sum = 0;
    over_field(mean, variance, points, [&](double f, double weight) {
      sum += weight * cumulative(likelihood, size, f, count);
    });
    return sum;
  };
  if (probability(0) >= level) return 0;
  // A bracket (below, above], doubled from the mean.
  double below = 0;
  double above = std::max(1.0, std::ceil(likelihood.mean(size, mean)));
  while (probability(above) < level && above < 1e15) {
    below = above;
    above *= 2;
  }
  while (above - below > 1) {
    const double middle = std::floor((below + above) / 2);
    (probability(middle) >= level ? above : below) = middle;
  }
  return above;
}

}  // namespace kronwerk::models
