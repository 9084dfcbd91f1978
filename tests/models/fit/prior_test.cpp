#include "kronwerk/models/fit/prior.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kronwerk/core/error.hpp"
#include "kronwerk/models/fit/transform.hpp"

namespace kronwerk::models {
namespace {

const std::vector<std::string> examples{
    "normal(-1, 0.5)",     "lognormal(0.3, 0.8)", "gamma(2.5, 1.5)",
    "gamma(0.6, 2)",       "half_normal(0.7)",    "uniform(-1, 2)",
    "inverse_gamma(7, 5)", "exponential(1.7)",    "student_t(9, 0.4, 0.8)"};

Prior prior_of(const std::string& text) {
  return Prior::parse({text, "here"});
}

// Trapezoidal rule in u = asinh(x), which reaches far and is fine near 0.
double integral(const Prior& prior, double power) {
  double sum = 0;
  constexpr double step = 1e-4;
  for (double u = -9; u <= 9; u += step) {
    const double x = std::sinh(u);
    if (!prior.contains(x)) continue;
    sum += std::exp(prior.log_density(x)) * std::pow(x, power) * std::cosh(u) * step;
  }
  return sum;
}

TEST(Prior, DensitiesIntegrateToOne) {
  for (const auto& text : examples) {
    // gamma(0.6, …) has an integrable pole, which the rule sees less of.
    EXPECT_NEAR(integral(prior_of(text), 0), 1, text == "gamma(0.6, 2)" ? 0.02 : 1e-3) << text;
  }
}

TEST(Prior, DerivativesAreThoseOfTheLogDensity) {
  for (const auto& text : examples) {
    const Prior prior = prior_of(text);
    for (const double x : {0.05, 0.4, 1.3}) {
      const double h = 1e-5 * x;
      EXPECT_NEAR(prior.derivative(x),
                  (prior.log_density(x + h) - prior.log_density(x - h)) / (2 * h),
                  1e-7 * (1 + std::abs(prior.derivative(x))))
          << text << " at " << x;
      EXPECT_NEAR(prior.second_derivative(x),
                  (prior.derivative(x + h) - prior.derivative(x - h)) / (2 * h),
                  1e-7 * (1 + std::abs(prior.second_derivative(x))))
          << text << " at " << x;
    }
  }
}

TEST(Prior, SupportsEndWhereTheDensityDoes) {
  for (const auto& text : examples) {
    const Prior prior = prior_of(text);
    for (const double x : {-3.0, -0.5, 0.0, 0.5, 2.5}) {
      EXPECT_EQ(prior.contains(x), std::isfinite(prior.log_density(x))) << text << " at " << x;
      EXPECT_EQ(prior.contains(x) || x == 0, x >= prior.lower() && x <= prior.upper())
          << text << " at " << x;
    }
  }
  EXPECT_FALSE(prior_of("gamma(2, 1)").contains(0));
  EXPECT_TRUE(prior_of("half_normal(1)").contains(0));
  EXPECT_FALSE(prior_of("normal(0, 1)").contains(std::numeric_limits<double>::infinity()));
}

TEST(Prior, DrawsHaveTheMomentsOfTheDensity) {
  constexpr Index draws = 20'000;
  for (const auto& text : examples) {
    const Prior prior = prior_of(text);
    double mean = 0, square = 0;
    for (Index draw = 0; draw < draws; ++draw) {
      const double x = prior.sample(7, draw);
      ASSERT_TRUE(prior.contains(x)) << text;
      mean += x / draws;
      square += x * x / draws;
    }
    const double variance = integral(prior, 2) - std::pow(integral(prior, 1), 2);
    EXPECT_NEAR(mean, integral(prior, 1), 5 * std::sqrt(variance / draws)) << text;
    EXPECT_NEAR(square, integral(prior, 2), 0.08 * integral(prior, 2)) << text;
    EXPECT_EQ(prior.sample(7, 3), prior.sample(7, 3));
    EXPECT_NE(prior.sample(7, 3), prior.sample(8, 3));
  }
}

TEST(Prior, TextsAreReadAndWritten) {
  for (const auto& text : examples) EXPECT_EQ(prior_of(text).to_text(), text);
  const auto refuse = [](const std::string& text, const std::string& part) {
    try {
      prior_of(text);
      ADD_FAILURE() << text;
    } catch (const core::ConfigurationError& error) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  };
  refuse("lognorml(0, 1)", "did you mean 'lognormal'?");
  refuse("normal(0)", "normal(mean, sd) takes 2 arguments; found 1");
  refuse("half_normal(-1)", "the standard deviation must be positive");
  refuse("gamma(1, 0)", "shape and rate must be positive");
  refuse("inverse_gamma(0, 1)", "shape and scale must be positive");
  refuse("exponential(0)", "the rate must be positive");
  refuse("exponential(1, 2)", "exponential(rate) takes 1 argument; found 2");
  refuse("student_t(3, 0, -1)", "degrees of freedom and scale must be positive");
  refuse("uniform(2, 1)", "the lower end must be below the upper end");
  refuse("normal(a, 1)", "a prior's arguments are numbers");
  refuse("normal", "with its arguments in parentheses");
}

TEST(Transform, GoesThereAndBackWithItsDerivative) {
  EXPECT_EQ(choose_scale(0), Scale::log);
  EXPECT_EQ(choose_scale(-1), Scale::identity);
  for (const Scale scale : {Scale::identity, Scale::log}) {
    for (const double x : {0.01, 1.0, 40.0}) {
      const double u = to_free(scale, x);
      EXPECT_NEAR(from_free(scale, u), x, 1e-14 * x);
      const double h = 1e-6;
      EXPECT_NEAR(derivative_of(scale, x),
                  (from_free(scale, u + h) - from_free(scale, u - h)) / (2 * h), 1e-8 * (1 + x));
    }
  }
  EXPECT_EQ(to_free(Scale::log, 0), -std::numeric_limits<double>::infinity());
}

}  // namespace
}  // namespace kronwerk::models
