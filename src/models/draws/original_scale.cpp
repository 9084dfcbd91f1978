// Lognormal and non-central χ² moments and quantiles (Johnson, Kotz and Balakrishnan 1994, chapter
// 14).
#include "kronwerk/models/draws/original_scale.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "models/posterior/normal_quantile.hpp"

namespace kronwerk::models {
namespace {

/// t with P(|z| <= t) = level.
double quantile_of_size(double mean, double deviation, double level) {
  const double centre = std::abs(mean);
  const double scale = 1 / (deviation * std::numbers::sqrt2);
  const auto probability = [&](double t) {
    return (std::erf((t - centre) * scale) + std::erf((t + centre) * scale)) / 2;
  };
  double below = 0;
  double above = centre + deviation * normal_quantile((1 + level) / 2);
  while (above - below > 2 * std::numeric_limits<double>::epsilon() * above) {
    const double middle = below + (above - below) / 2;
    if (middle <= below || middle >= above) break;
    (probability(middle) >= level ? above : below) = middle;
  }
  return above;
}

}  // namespace

bool is_everywhere_invertible(OriginalScale scale) {
  return scale != OriginalScale::square && scale != OriginalScale::exp;
}

OriginalMoments original_moments(OriginalScale scale, double mean, double variance) {
  switch (scale) {
    case OriginalScale::log:
    case OriginalScale::log1p: {
      const double whole = std::exp(mean + variance / 2);
      return {scale == OriginalScale::log ? whole : whole - 1,
              whole * whole * std::expm1(variance)};
    }
    case OriginalScale::sqrt:
      return {mean * mean + variance, 2 * variance * (variance + 2 * mean * mean)};
    case OriginalScale::same:
    case OriginalScale::square:
    case OriginalScale::exp:
      break;
  }
  return {mean, variance};
}

double original_quantile(OriginalScale scale, double mean, double variance, double level) {
  const double deviation = std::sqrt(std::max(variance, 0.0));
  if (scale == OriginalScale::sqrt) {
    const double size = deviation > 0 ? quantile_of_size(mean, deviation, level) : std::abs(mean);
    return size * size;
  }
  const double z = deviation > 0 ? mean + deviation * normal_quantile(level) : mean;
  if (scale == OriginalScale::log) return std::exp(z);
  if (scale == OriginalScale::log1p) return std::expm1(z);
  if (scale == OriginalScale::square) return std::sqrt(z);
  if (scale == OriginalScale::exp) return z > 0 ? std::log(z) : std::nan("");
  return z;
}

}  // namespace kronwerk::models
