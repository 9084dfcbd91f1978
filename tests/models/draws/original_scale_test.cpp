#include "kronwerk/models/draws/original_scale.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace kronwerk::models {
namespace {

constexpr double upper = 1.959963984540054;  // Φ⁻¹(0.975)

double at(OriginalScale scale, double z) {
  switch (scale) {
    case OriginalScale::log:
      return std::exp(z);
    case OriginalScale::log1p:
      return std::exp(z) - 1;
    case OriginalScale::sqrt:
      return z * z;
    case OriginalScale::same:
    case OriginalScale::square:
    case OriginalScale::exp:
      break;
  }
  return z;
}

TEST(OriginalScale, HasTheMomentsOfTheDistribution) {
  for (const auto scale :
       {OriginalScale::same, OriginalScale::log, OriginalScale::log1p, OriginalScale::sqrt}) {
    const double mean = -0.4, deviation = 0.6;
    // The trapezoidal rule, exact to rounding for what falls off as a Gaussian does.
    double first = 0, second = 0;
    constexpr double step = 0.02;
    for (double u = -12; u <= 12; u += step) {
      const double weight = step * std::exp(-u * u / 2) / std::sqrt(2 * std::numbers::pi);
      const double x = at(scale, mean + deviation * u);
      first += weight * x;
      second += weight * x * x;
    }
    const auto moments = original_moments(scale, mean, deviation * deviation);
    EXPECT_NEAR(moments.mean, first, 1e-12);
    EXPECT_NEAR(moments.variance, second - first * first, 1e-12);
  }
}

TEST(OriginalScale, HasTheQuantilesOfWhatGrows) {
  EXPECT_NEAR(original_quantile(OriginalScale::same, 1, 4, 0.975), 1 + 2 * upper, 1e-13);
  EXPECT_NEAR(original_quantile(OriginalScale::log, 1, 0.25, 0.5), std::exp(1), 1e-14);
  EXPECT_NEAR(original_quantile(OriginalScale::log, 1, 0.25, 0.025), std::exp(1 - 0.5 * upper),
              1e-13);
  EXPECT_NEAR(original_quantile(OriginalScale::log1p, 1, 0.25, 0.975),
              std::exp(1 + 0.5 * upper) - 1, 1e-13);
  EXPECT_EQ(original_quantile(OriginalScale::log, 0, 0, 0.9), 1);
}

TEST(OriginalScale, HasTheQuantilesOfSquares) {
  // Far from 0 as of what grows; about 0 those of χ² with one degree of freedom.
  EXPECT_NEAR(original_quantile(OriginalScale::sqrt, 9, 0.25, 0.025), std::pow(9 - 0.5 * upper, 2),
              1e-11);
  EXPECT_NEAR(original_quantile(OriginalScale::sqrt, 0, 1, 0.95), 3.841458820694124, 1e-12);
  EXPECT_NEAR(original_quantile(OriginalScale::sqrt, 0, 4, 0.5), 4 * 0.454936423119572, 1e-12);
  EXPECT_NEAR(original_quantile(OriginalScale::sqrt, -9, 0.25, 0.975), std::pow(9 + 0.5 * upper, 2),
              1e-11);
  EXPECT_EQ(original_quantile(OriginalScale::sqrt, -3, 0, 0.3), 9);
}

TEST(OriginalScale, HasNoQuantilesWhereNothingIsTransformedTo) {
  EXPECT_NEAR(original_quantile(OriginalScale::square, 9, 0.25, 0.975), std::sqrt(9 + 0.5 * upper),
              1e-14);
  EXPECT_EQ(original_quantile(OriginalScale::square, 4, 0, 0.3), 2);
  EXPECT_TRUE(std::isnan(original_quantile(OriginalScale::square, 0.5, 1, 0.025)));
  EXPECT_NEAR(original_quantile(OriginalScale::exp, 9, 0.25, 0.025), std::log(9 - 0.5 * upper),
              1e-14);
  EXPECT_TRUE(std::isnan(original_quantile(OriginalScale::exp, 0.5, 1, 0.025)));
  EXPECT_FALSE(std::isnan(original_quantile(OriginalScale::exp, 0.5, 1, 0.5)));
}

}  // namespace
}  // namespace kronwerk::models
