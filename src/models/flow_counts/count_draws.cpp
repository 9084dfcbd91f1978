#include "kronwerk/models/flow_counts/count_draws.hpp"

#include <array>
#include <cmath>

#include "kronwerk/core/error.hpp"
#include "kronwerk/operators/base/random.hpp"

namespace kronwerk::models {
namespace {

using core::Index;

/// Larger counts are not whole numbers in double precision.
constexpr double largest_mean = 1e15;
/// Below this mean inversion needs few steps.
constexpr double inversion_below = 10;

/// The random numbers of one cell: normal ones from a sequence next to that of the uniform ones.
class CellNumbers {
 public:
  CellNumbers(std::uint64_t seed, Index cell)
      : seed_(seed), uniform_(2 * static_cast<std::uint64_t>(cell) + 1) {}

  /// In (0, 1).
  double uniform() {
    for (;;) {
      const double u = next(operators::RandomKind::uniform, uniform_, uniforms_);
      if (u > 0) return u;
    }
  }
  double normal() { return next(operators::RandomKind::normal, uniform_ + 1, normals_); }

 private:
  struct Buffer {
    std::array<double, 8> values{};
    Index taken = 0;
  };
  double next(operators::RandomKind kind, std::uint64_t stream, Buffer& buffer) const {
    const Index place = buffer.taken % std::ssize(buffer.values);
    if (place == 0) operators::fill_random(kind, seed_, stream, buffer.taken, buffer.values);
    ++buffer.taken;
    return buffer.values[static_cast<std::size_t>(place)];
  }

  std::uint64_t seed_;
  std::uint64_t uniform_;
  Buffer uniforms_;
  Buffer normals_;
};

double invert_poisson(double lambda, CellNumbers& numbers) {
  double u = numbers.uniform();
  double p = std::exp(-lambda);
  double k = 0;
  while (u > p && p > 0) {
    u -= p;
    ++k;
    p *= lambda / k;
  }
  return k;
}

double reject_poisson(double lambda, CellNumbers& numbers) {
  const double log_lambda = std::log(lambda);
  const double b = 0.931 + 2.53 * std::sqrt(lambda);
  const double a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
  const double v_r = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const double u = numbers.uniform() - 0.5;
    const double v = numbers.uniform();
    const double us = 0.5 - std::abs(u);
    const double k = std::floor((2 * a / us + b) * u + lambda + 0.43);
    if (us >= 0.07 && v <= v_r) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    if (std::log(v * inverse_alpha / (a / (us * us) + b)) <=
        k * log_lambda - lambda - std::lgamma(k + 1)) {
      return k;
    }
  }
}

/// Of shape θ and scale 1.
double draw_gamma(double theta, CellNumbers& numbers) {
  if (theta < 1) {
    const double boost = std::pow(numbers.uniform(), 1 / theta);
    return boost * draw_gamma(theta + 1, numbers);
  }
  const double d = theta - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = numbers.normal();
    const double v = std::pow(1 + c * x, 3);
    if (v <= 0) continue;
    if (std::log(numbers.uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
  }
}

}  // namespace

void draw_counts(std::uint64_t seed, Index first, std::span<const double> eta, double theta,
                 std::span<double> counts) {
  for (std::size_t i = 0; i < eta.size(); ++i) {
    double lambda = std::exp(eta[i]);
    if (!(lambda <= largest_mean)) {
      throw core::DataError(
          "the mean of a flow is larger than 1e15 or no number; look at the "
          "coefficients and the exposure");
    }
    CellNumbers numbers(seed, first + static_cast<Index>(i));
    if (theta > 0) lambda *= draw_gamma(theta, numbers) / theta;
    counts[i] = lambda < inversion_below ? invert_poisson(lambda, numbers)
                                         : reject_poisson(lambda, numbers);
  }
}

}  // namespace kronwerk::models
