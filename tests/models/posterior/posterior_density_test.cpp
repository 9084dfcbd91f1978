#include "kronwerk/models/posterior/posterior_density.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "kronwerk/core/error.hpp"
#include "kronwerk/models/posterior/chain.hpp"
#include "kronwerk/models/posterior/diagnostics.hpp"

namespace kronwerk::models {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

std::vector<PosteriorParameter> examples() {
  return {{"free", 0.3, {}},
          {"positive", 0.3, {}, 0.1},
          {"below", 0.3, {}, -infinity, 2},
          {"between", 0.3, {}, -1, 2}};
}

TEST(PosteriorDensity, FreeCoordinatesGoThereAndBackWithTheirJacobian) {
  for (const auto& parameter : examples()) {
    for (const double u : {-3.0, -0.2, 0.0, 0.7, 4.0}) {
      const auto value = from_free(parameter, u);
      EXPECT_NEAR(to_free(parameter, value.x), u, 1e-12) << parameter.name;
      constexpr double h = 1e-6;
      const auto above = from_free(parameter, u + h);
      const auto below = from_free(parameter, u - h);
      EXPECT_NEAR((above.x - below.x) / (2 * h), value.derivative, 1e-7 * (1 + std::exp(u)));
      EXPECT_NEAR(value.log_jacobian, std::log(std::abs(value.derivative)), 1e-12);
      EXPECT_NEAR((above.log_jacobian - below.log_jacobian) / (2 * h), value.jacobian_slope, 1e-8);
    }
  }
  // Far out nothing overflows.
  EXPECT_EQ(from_free(examples()[3], 1000).x, 2);
  EXPECT_EQ(from_free(examples()[3], -1000).log_jacobian, std::log(3.0) - 1000);
}

class PosteriorDensities : public testing::Test {
 protected:
  communication::Communicator comm_ = communication::Communicator::duplicate(MPI_COMM_WORLD);
};

Evaluation quadratic(std::span<const double> x) {
  Evaluation result;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double wanted = 0.5 + 0.1 * static_cast<double>(i);
    result.value -= 2 * (x[i] - wanted) * (x[i] - wanted);
    result.gradient.push_back(-4 * (x[i] - wanted));
  }
  result.value += 0.3 * x[0] * x[1];
  result.gradient[0] += 0.3 * x[1];
  result.gradient[1] += 0.3 * x[0];
  return result;
}

TEST_F(PosteriorDensities, GradientsAreThoseOfTheDensity) {
  auto parameters = examples();
  parameters[0].prior = Prior(Prior::Kind::student_t, 4, 0, 1);
  parameters[1].prior = Prior(Prior::Kind::inverse_gamma, 2, 1);
  parameters[3].prior = Prior(Prior::Kind::normal, 0, 1);
  PosteriorDensity density(comm_, quadratic, parameters);
  const std::vector<double> u{0.4, -0.3, 0.2, 0.9};
  const auto point = density.evaluate(u);
  ASSERT_TRUE(point);
  for (std::size_t i = 0; i < u.size(); ++i) {
    constexpr double h = 1e-6;
    auto moved = u;
    moved[i] += h;
    const double above = density.evaluate(moved)->value;
    moved[i] -= 2 * h;
    const double below = density.evaluate(moved)->value;
    EXPECT_NEAR(point->gradient[i], (above - below) / (2 * h), 1e-8) << i;
  }
  EXPECT_EQ(density.evaluations(), 9);
}

TEST_F(PosteriorDensities, AreAbsentWhereTheLogDensityIs) {
  PosteriorDensity density(comm_,
                           [](std::span<const double> x) -> Evaluation {
                             if (x[0] > 1) throw core::DataError("not positive definite");
                             return {x[0], {1}};
                           },
                           {{"x", 0, {}}});
  EXPECT_TRUE(density.evaluate(std::vector<double>{0.5}));
  EXPECT_FALSE(density.evaluate(std::vector<double>{1.5}));
  // Where the free coordinate is so far out that rounding meets the bound.
  PosteriorDensity positive(comm_, quadratic, {{"x", 1, {}, 0}, {"y", 1, {}, 0}});
  EXPECT_FALSE(positive.evaluate(std::vector<double>{0, -800}));
}

TEST_F(PosteriorDensities, RefuseToBeginOutsideOfTheirSupport) {
  const auto refuse = [&](PosteriorParameter parameter, const std::string& part) {
    try {
      bounded(std::move(parameter));
      ADD_FAILURE();
    } catch (const core::ConfigurationError& error) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  };
  refuse({"sd", 3, Prior(Prior::Kind::uniform, 0, 2)}, "the prior uniform(0, 2)");
  refuse({"sd", 0, Prior(Prior::Kind::half_normal, 2)}, "begins at 0, which is not inside");
  refuse({"sd", 3, {}, 5, 4}, "nowhere to go");
  EXPECT_TRUE(bounded({"sd", 3, Prior(Prior::Kind::exponential, 2)}).proper());
  EXPECT_FALSE(bounded({"sd", 3, {}, 0}).proper());
  EXPECT_TRUE(bounded({"rho", 0, {}, -1, 1}).proper());
}

TEST_F(PosteriorDensities, ModesAndScalesAreThoseOfTheDensity) {
  // A correlated normal distribution of other scales, from far away.
  const TargetDensity target = [](std::span<const double> x) -> std::optional<TargetPoint> {
    const double a = (x[0] - 3) / 0.01;
    const double b = (x[1] + 40) / 20 - 0.8 * a;
    return TargetPoint{-0.5 * (a * a + b * b), {(-a + 0.8 * b) / 0.01, -b / 20}};
  };
  const auto mode = find_mode(comm_, target, {2.9, 100}, {}, false);
  ASSERT_TRUE(mode.found) << mode.outcome;
  EXPECT_NEAR(mode.coordinates.centre[0], 3, 2e-3);
  EXPECT_NEAR(mode.coordinates.centre[1], -40, 4);
  EXPECT_NEAR(mode.coordinates.factor[0], 0.01, 1e-4);
  EXPECT_NEAR(mode.coordinates.factor[2], 16, 0.1);
  EXPECT_NEAR(mode.coordinates.factor[3], 20, 0.1);
  // In their coordinates the density is that of a standard normal distribution.
  const auto scaled = mode.coordinates.transformed(target);
  const auto middle = scaled(std::vector<double>{0, 0});
  const auto away = scaled(std::vector<double>{1, -2});
  EXPECT_NEAR(middle->value - away->value, 2.5, 0.2);
  const auto diagonal = find_mode(comm_, target, {2.9, 100}, {}, true);
  EXPECT_EQ(diagonal.coordinates.factor[2], 0);
  EXPECT_NEAR(diagonal.coordinates.factor[3], 20 * std::sqrt(1.64), 0.3);
  EXPECT_THROW(find_mode(
                   comm_, [](std::span<const double>) { return std::nullopt; }, {0}, {}, false),
               core::DataError);
}

TEST_F(PosteriorDensities, ThreeParametersAgreeWithQuadrature) {
  // Scale, rate and probability of a made-up likelihood, by means over 60³ points.
  const DensityFunction likelihood = [](std::span<const double> x) {
    const double a = std::log(x[0]) + x[1];
    const double b = x[2] - 0.3 * x[1];
    Evaluation result{-2 * a * a - 8 * b * b, {}};
    result.gradient = {-4 * a / x[0], -4 * a + 4.8 * b, -16 * b};
    return result;
  };
  const std::vector<PosteriorParameter> parameters{
      {"scale", 1, Prior(Prior::Kind::gamma, 3, 2)},
      {"slope", 0, Prior(Prior::Kind::normal, 0, 1)},
      {"share", 0.5, Prior(Prior::Kind::uniform, 0, 1)}};
  PosteriorDensity density(comm_, likelihood, parameters);
  // The rule of midpoints over x, which knows nothing of free coordinates.
  double mass = 0;
  std::vector<double> means(3, 0.0);
  constexpr int points = 60;
  for (int i = 0; i < points * points * points; ++i) {
    const std::vector<double> x{(i % points + 0.5) * 8 / points,
                                (i / points % points + 0.5) * 8 / points - 4,
                                (i / points / points + 0.5) / points};
    double value = likelihood(x).value;
    for (std::size_t k = 0; k < 3; ++k) value += parameters[k].prior->log_density(x[k]);
    mass += std::exp(value);
    for (std::size_t k = 0; k < 3; ++k) means[k] += std::exp(value) * x[k];
  }
  const TargetDensity target = [&](std::span<const double> u) { return density.evaluate(u); };
  std::vector<std::vector<double>> draws(3);
  for (Index number = 0; number < 4; ++number) {
    Chain chain(target, density.initial(), {.number = number, .target_acceptance = 0.9});
    while (!chain.finished()) {
      const bool kept = !chain.warming_up();
      const auto x = density.from_free(chain.advance().position);
      for (std::size_t k = 0; kept && k < 3; ++k) draws[k].push_back(x[k]);
    }
  }
  for (std::size_t k = 0; k < 3; ++k) {
    const auto summary = summarise({draws[k], 4});
    EXPECT_NEAR(summary.mean, means[k] / mass, 4 * summary.monte_carlo_error + 1e-3) << k;
    EXPECT_LT(summary.rhat, 1.02);
  }
}

}  // namespace
}  // namespace kronwerk::models
