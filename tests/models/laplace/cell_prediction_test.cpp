#include "kronwerk/models/laplace/cell_prediction.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

namespace kronwerk::models {
namespace {

const CellLikelihood families[] = {{CellFamily::poisson},
                                   {CellFamily::negative_binomial, 2.3},
                                   {CellFamily::binomial},
                                   {CellFamily::bernoulli}};

double size_of(const CellLikelihood& likelihood) {
  return likelihood.family == CellFamily::bernoulli ? 1 : 9;
}

TEST(CellPrediction, CumulatesItsDensity) {
  for (const auto& likelihood : families) {
    const double size = size_of(likelihood);
    for (const double f : {-2.0, 0.5, 3.0}) {
      double sum = 0;
      for (double y = 0; y < 400; ++y) {
        if (has_log_link(likelihood.family) || y <= size) {
          sum += std::exp(likelihood.terms(y, size, f).value);
        }
        EXPECT_NEAR(cumulative(likelihood, size, f, y), sum, 1e-10) << y;
      }
      EXPECT_EQ(cumulative(likelihood, size, f, -1), 0);
    }
  }
}

TEST(CellPrediction, CumulatesLargeCounts) {
  // The Edgeworth expansion of a Poisson distribution at its mean.
  for (const double mean : {1e4, 1e8, 1e12}) {
    const double expected = 0.5 + 2 / (3 * std::sqrt(2 * std::numbers::pi * mean));
    EXPECT_NEAR(cumulative({CellFamily::poisson}, mean, 0, mean), expected,
                std::max(0.1 / mean, 1e-6));
  }
  EXPECT_EQ(cumulative({CellFamily::poisson}, 1, 1000, 5), 0);
}

/// The distribution of counts by a fine sum over the field.
std::vector<double> probabilities(const CellLikelihood& likelihood, double size, double mean,
                                  double variance, int most) {
  std::vector<double> result(static_cast<std::size_t>(most), 0.0);
  const int points = 300;
  const double deviation = std::sqrt(variance);
  for (int i = -points; i <= points; ++i) {
    const double z = 8.0 * i / points;
    const double weight = std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi) * 8.0 / points;
    for (int y = 0; y < most; ++y) {
      if (!has_log_link(likelihood.family) && y > size) break;
      result[static_cast<std::size_t>(y)] +=
          weight * std::exp(likelihood.terms(y, size, mean + deviation * z).value);
    }
  }
  return result;
}

TEST(CellPrediction, HasMomentsAndQuantilesOfTheMixture) {
  for (const auto& likelihood : families) {
    const double size = size_of(likelihood);
    const double mean = 0.7, variance = 0.16;
    const auto p = probabilities(likelihood, size, mean, variance, 1200);
    double first = 0, second = 0;
    for (std::size_t y = 0; y < p.size(); ++y) {
      first += static_cast<double>(y) * p[y];
      second += static_cast<double>(y * y) * p[y];
    }
    const auto moments = predicted_moments(likelihood, size, mean, variance);
    EXPECT_NEAR(moments.mean, first, 1e-7 * first);
    EXPECT_NEAR(moments.variance, second - first * first, 1e-5 * moments.variance);
    for (const double level : {0.01, 0.3, 0.5, 0.975}) {
      double sum = 0;
      double expected = 0;
      for (std::size_t y = 0; y < p.size(); ++y) {
        sum += p[y];
        if (sum < level) continue;
        expected = static_cast<double>(y);
        break;
      }
      EXPECT_EQ(predicted_quantile(likelihood, size, mean, variance, level), expected) << level;
    }
  }
}

TEST(CellPrediction, OfAKnownFieldIsTheFamilyItself) {
  const CellLikelihood poisson{CellFamily::poisson};
  EXPECT_NEAR(predicted_moments(poisson, 2, 1, 0).variance, 2 * std::exp(1.0), 1e-12);
  const double median = predicted_quantile(poisson, 1e6, 1, 0, 0.5);
  EXPECT_NEAR(median, 1e6 * std::exp(1.0), 2);
}

}  // namespace
}  // namespace kronwerk::models
