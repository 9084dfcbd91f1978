#include "models/posterior/normal_quantile.hpp"

#include <cmath>
#include <numbers>

namespace kronwerk::models {

double normal_quantile(double p) {
  if (p > 0.5) return -normal_quantile(1 - p);
  // Hastings' approximation (Abramowitz and Stegun 1964, 26.2.23), to 5e-4 ...
  const double t = std::sqrt(-2 * std::log(p));
  double x = -(t - (2.515517 + t * (0.802853 + t * 0.010328)) /
                       (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))));
  // ... and Halley's method, which squares away more than twice the digits each time.
  for (int step = 0; step < 3; ++step) {
    const double error = 0.5 * std::erfc(-x / std::numbers::sqrt2) - p;
    const double change = error * std::sqrt(2 * std::numbers::pi) * std::exp(0.5 * x * x);
    x -= change / (1 + 0.5 * x * change);
  }
  return x;
}

}  // namespace kronwerk::models
