#include "kronwerk/models/flow_counts/count_family.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace kronwerk::models {
namespace {

TEST(CountFamily, PoissonIsItsDensity) {
  const CountTerms terms = poisson_terms(3, std::log(2.5));
  EXPECT_NEAR(terms.value, std::log(std::pow(2.5, 3) * std::exp(-2.5)), 1e-15);
  EXPECT_NEAR(terms.score, 0.5, 1e-15);
  EXPECT_NEAR(terms.weight, 2.5, 1e-15);
}

TEST(CountFamily, NegativeBinomialSumsToOneWithItsMeanAndVariance) {
  for (const double theta : {0.3, 2.5, 40.0}) {
    double sum = 0;
    double mean = 0;
    double square = 0;
    for (int y = 0; y < 4000; ++y) {
      const double p =
          std::exp(negative_binomial_terms(y, std::log(3.0), theta).value - std::lgamma(y + 1.0));
      sum += p;
      mean += y * p;
      square += y * (y * p);
    }
    EXPECT_NEAR(sum, 1, 1e-12);
    EXPECT_NEAR(mean, 3, 1e-11);
    EXPECT_NEAR(square - mean * mean, 3 + 9 / theta, 1e-9);
  }
}

TEST(CountFamily, DerivativesAreThoseOfTheValue) {
  constexpr double h = 1e-4;
  for (const double theta : {0.2, 1.7, 15.9, 16.1, 300.0}) {
    for (const double y : {0.0, 1.0, 7.0, 500.0}) {
      const double eta = 1.3;
      const auto at = [&](double d, double e) {
        return negative_binomial_terms(y, eta + d, theta * std::exp(e));
      };
      const CountTerms here = at(0, 0);
      const double scale = 1e-6 * (1 + y);
      EXPECT_NEAR(here.score, (at(h, 0).value - at(-h, 0).value) / (2 * h), scale);
      EXPECT_NEAR(here.weight, (at(-h, 0).score - at(h, 0).score) / (2 * h), scale);
      EXPECT_NEAR(here.by_theta, (at(0, h).value - at(0, -h).value) / (2 * h), scale);
      EXPECT_NEAR(here.by_theta2, (at(0, h).by_theta - at(0, -h).by_theta) / (2 * h), scale);
      EXPECT_NEAR(here.by_both, (at(0, h).score - at(0, -h).score) / (2 * h), scale);
    }
  }
}

TEST(CountFamily, NegativeBinomialTendsToPoisson) {
  for (const double y : {0.0, 4.0, 2000.0}) {
    const double eta = std::log(y + 1.5);
    const CountTerms limit = poisson_terms(y, eta);
    const CountTerms terms = negative_binomial_terms(y, eta, 1e13);
    EXPECT_NEAR(terms.value, limit.value, 1e-6);
    EXPECT_NEAR(terms.score, limit.score, 1e-9 * (1 + y));
    EXPECT_NEAR(terms.weight, limit.weight, 1e-9 * (1 + y));
    EXPECT_NEAR(terms.by_theta, 0, 1e-6);
  }
}

}  // namespace
}  // namespace kronwerk::models
