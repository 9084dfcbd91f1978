#include "kronwerk/models/laplace/cell_likelihood.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace kronwerk::models {
namespace {

const CellLikelihood families[] = {{CellFamily::poisson},
                                   {CellFamily::negative_binomial, 0.7},
                                   {CellFamily::negative_binomial, 45},
                                   {CellFamily::binomial},
                                   {CellFamily::bernoulli}};

TEST(CellLikelihood, SumsToOneWithItsMeanAndVariance) {
  for (const auto& likelihood : families) {
    for (const double f : {-2.0, 0.3, 1.4}) {
      const double size = likelihood.family == CellFamily::bernoulli ? 1 : 7;
      const bool bounded = !has_log_link(likelihood.family);
      double sum = 0, mean = 0, square = 0;
      for (double y = 0; y <= (bounded ? size : 4000); ++y) {
        const double p = std::exp(likelihood.terms(y, size, f).value);
        sum += p;
        mean += y * p;
        square += y * y * p;
      }
      EXPECT_NEAR(sum, 1, 1e-11);
      EXPECT_NEAR(mean, likelihood.mean(size, f), 1e-9 * (1 + mean));
      EXPECT_NEAR(square - mean * mean, likelihood.variance(size, f), 1e-8 * (1 + square));
    }
  }
}

TEST(CellLikelihood, DerivativesAreThoseOfTheValue) {
  constexpr double h = 1e-4;
  for (const auto& likelihood : families) {
    for (const double y : {0.0, 1.0, 5.0}) {
      const double size = likelihood.family == CellFamily::bernoulli ? 1 : 6;
      if (y > size) continue;
      for (const double f : {-3.0, 0.2, 2.5}) {
        const auto at = [&](double d) { return likelihood.terms(y, size, f + d); };
        const CellTerms here = at(0);
        EXPECT_NEAR(here.score, (at(h).value - at(-h).value) / (2 * h), 1e-5);
        EXPECT_NEAR(here.weight, (at(-h).score - at(h).score) / (2 * h), 1e-5);
        EXPECT_NEAR(here.steepness * here.weight, (at(-h).weight - at(h).weight) / (2 * h), 1e-5);
        const auto with = [&](double d) {
          CellLikelihood other = likelihood;
          other.theta += d;
          return other.terms(y, size, f);
        };
        const auto by_theta = likelihood.by_theta(y, size, f);
        EXPECT_NEAR(by_theta.value, (with(h).value - with(-h).value) / (2 * h), 1e-5);
        EXPECT_NEAR(by_theta.score, (with(h).score - with(-h).score) / (2 * h), 1e-5);
        EXPECT_NEAR(by_theta.log_weight * here.weight, (with(h).weight - with(-h).weight) / (2 * h),
                    1e-5);
      }
    }
  }
}

TEST(CellLikelihood, StaysFiniteFarFromTheMean) {
  for (const auto& likelihood : families) {
    for (const double f : {-700.0, -50.0, 50.0, 600.0}) {
      const CellTerms terms = likelihood.terms(1, 1, f);
      EXPECT_TRUE(std::isfinite(terms.value)) << f;
      EXPECT_TRUE(std::isfinite(terms.score)) << f;
      EXPECT_GE(terms.weight, 0) << f;
      EXPECT_LE(std::abs(terms.steepness), 1) << f;
    }
    EXPECT_TRUE(std::isfinite(likelihood.link(0, 1)));
  }
}

}  // namespace
}  // namespace kronwerk::models
