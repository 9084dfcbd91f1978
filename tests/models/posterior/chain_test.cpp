#include "kronwerk/models/posterior/chain.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "kronwerk/core/error.hpp"
#include "kronwerk/models/posterior/diagnostics.hpp"

namespace kronwerk::models {
namespace {

/// Independent normals of these means and standard deviations.
TargetDensity normals(std::vector<double> means, std::vector<double> scales) {
  return [=](std::span<const double> x) -> std::optional<TargetPoint> {
    TargetPoint point;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double z = (x[i] - means[i]) / scales[i];
      point.value -= 0.5 * z * z;
      point.gradient.push_back(-z / scales[i]);
    }
    return point;
  };
}

/// Draws of all chains: [coordinate][chain][draw].
std::vector<std::vector<double>> sample(const TargetDensity& target, std::vector<double> start,
                                        ChainSettings settings, Index chains) {
  std::vector<std::vector<double>> draws(start.size());
  for (settings.number = 0; settings.number < chains; ++settings.number) {
    Chain chain(target, start, settings);
    while (!chain.finished()) {
      const bool kept = !chain.warming_up();
      const Draw draw = chain.advance();
      for (std::size_t i = 0; kept && i < start.size(); ++i) {
        draws[i].push_back(draw.position[i]);
      }
    }
  }
  return draws;
}

TEST(Chain, FindsMeansAndDeviationsOfFiveGaussianDimensions) {
  const std::vector<double> means{0, 1, -3, 20, 50};
  const std::vector<double> scales{1e-2, 1e-1, 1, 10, 1e2};
  for (const MetricKind kind : {MetricKind::diagonal, MetricKind::dense}) {
    ChainSettings settings;
    settings.metric = kind;
    const auto draws = sample(normals(means, scales), means, settings, 4);
    for (std::size_t i = 0; i < means.size(); ++i) {
      const ChainDraws all{draws[i], 4};
      const auto summary = summarise(all);
      EXPECT_LE(summary.rhat, 1.01) << i;
      EXPECT_NEAR(summary.mean, means[i], 4 * summary.monte_carlo_error) << i;
      // Of the variance: that of the mean of squared deviations.
      std::vector<double> squares;
      for (const double x : draws[i]) squares.push_back((x - means[i]) * (x - means[i]));
      const auto square = summarise({squares, 4});
      EXPECT_NEAR(square.mean, scales[i] * scales[i], 4 * square.monte_carlo_error) << i;
      EXPECT_GT(summary.bulk, 1000) << i;
    }
  }
}

TEST(Chain, ADenseMetricMakesStrongCorrelationEasy) {
  // Correlation 0.99: precision [1, -r; -r, 1] / (1 - r²).
  constexpr double r = 0.99;
  const TargetDensity target = [](std::span<const double> x) -> std::optional<TargetPoint> {
    constexpr double scale = 1 / (1 - r * r);
    const double a = scale * (x[0] - r * x[1]);
    const double b = scale * (x[1] - r * x[0]);
    return TargetPoint{-0.5 * (x[0] * a + x[1] * b), {-a, -b}};
  };
  Index steps[2] = {0, 0};
  for (const MetricKind kind : {MetricKind::diagonal, MetricKind::dense}) {
    ChainSettings settings;
    settings.metric = kind;
    Chain chain(target, {0, 0}, settings);
    double product = 0;
    while (!chain.finished()) {
      const bool kept = !chain.warming_up();
      const Draw draw = chain.advance();
      if (!kept) continue;
      steps[kind == MetricKind::dense ? 1 : 0] += draw.steps;
      product += draw.position[0] * draw.position[1] / 1000;
    }
    EXPECT_NEAR(product, r, 0.2);
  }
  EXPECT_LT(3 * steps[1], steps[0]);
}

TEST(Chain, AcceptsAboutAsOftenAsWanted) {
  for (const double wanted : {0.8, 0.9, 0.97}) {
    ChainSettings settings;
    settings.target_acceptance = wanted;
    settings.metric = MetricKind::diagonal;
    Chain chain(normals({0, 0, 0, 0, 0, 0, 0, 0}, {1, 1, 1, 1, 2, 2, 2, 2}),
                std::vector<double>(8, 0.5), settings);
    double sum = 0;
    while (!chain.finished()) {
      const bool kept = !chain.warming_up();
      const Draw draw = chain.advance();
      if (kept) sum += draw.acceptance / 1000;
    }
    EXPECT_NEAR(sum, wanted, 0.08);
  }
}

TEST(Chain, GoesOnWithTheSameBitsFromAnyIteration) {
  const auto target = normals({1, 2, 3}, {0.1, 1, 30});
  for (const MetricKind kind : {MetricKind::diagonal, MetricKind::dense}) {
    ChainSettings settings{200, 50, 7, 2, 0.8, 10, kind};
    Chain whole(target, {0, 0, 0}, settings);
    std::optional<Chain> parts(std::in_place, target, std::vector<double>{0, 0, 0}, settings);
    while (!whole.finished()) {
      const auto state = parts->state();
      parts.emplace(target, settings, 3, state);
      const Draw expected = whole.advance();
      const Draw found = parts->advance();
      ASSERT_EQ(found.position, expected.position) << whole.iteration();
      ASSERT_EQ(found.energy, expected.energy);
      ASSERT_EQ(found.step_size, expected.step_size);
    }
    auto state = whole.state();
    state.push_back(0);
    EXPECT_THROW(Chain(target, settings, 3, state), core::DataError);
    EXPECT_THROW(Chain(target, settings, 4, whole.state()), core::DataError);
  }
}

TEST(Chain, ChainsAndSeedsDrawOtherNumbers) {
  const auto target = normals({0}, {1});
  const auto last = [&](std::uint64_t seed, Index number) {
    Chain chain(target, {0}, {20, 20, seed, number, 0.8, 10, MetricKind::dense});
    while (chain.iteration() < 39) chain.advance();
    return chain.advance().position[0];
  };
  EXPECT_EQ(last(1, 0), last(1, 0));
  EXPECT_NE(last(1, 0), last(1, 1));
  EXPECT_NE(last(1, 0), last(2, 0));
}

TEST(Chain, WhatIsNotDefinedIsADivergenceAndIsNeverDrawn) {
  // A normal distribution that ends at 0.5, beyond which a factorisation fails.
  const TargetDensity target = [](std::span<const double> x) -> std::optional<TargetPoint> {
    if (x[0] > 0.5) return std::nullopt;
    return TargetPoint{-0.5 * x[0] * x[0], {-x[0]}};
  };
  Chain chain(target, {0}, {500, 4000, 3, 0, 0.8, 10, MetricKind::diagonal});
  Index divergences = 0;
  double mean = 0;
  while (!chain.finished()) {
    const bool kept = !chain.warming_up();
    const Draw draw = chain.advance();
    EXPECT_LE(draw.position[0], 0.5);
    if (!kept) continue;
    divergences += draw.diverging ? 1 : 0;
    mean += draw.position[0] / 4000;
  }
  EXPECT_GT(divergences, 0);
  // -φ(0.5) / Φ(0.5)
  EXPECT_NEAR(mean, -0.50916, 0.08);
  EXPECT_THROW(Chain(target, {1}, {}), core::DataError);
}

TEST(Chain, DivergesWhereTheEnergyDoes) {
  // Neal's funnel: the neck needs steps that the mouth does not.
  const TargetDensity target = [](std::span<const double> x) -> std::optional<TargetPoint> {
    const double v = x[0];
    TargetPoint point{-v * v / 18, {-v / 9}};
    for (std::size_t i = 1; i < x.size(); ++i) {
      const double inverse = std::exp(-v);
      point.value -= 0.5 * (x[i] * x[i] * inverse + v);
      point.gradient[0] += 0.5 * (x[i] * x[i] * inverse - 1);
      point.gradient.push_back(-x[i] * inverse);
    }
    return point;
  };
  Chain chain(target, std::vector<double>(10, 0.1), {});
  Index divergences = 0;
  while (!chain.finished()) {
    const bool kept = !chain.warming_up();
    if (chain.advance().diverging && kept) ++divergences;
  }
  EXPECT_GT(divergences, 0);
}

TEST(Chain, RefusesDensitiesThatDoNotChange) {
  const TargetDensity flat = [](std::span<const double>) { return TargetPoint{0, {0}}; };
  try {
    Chain(flat, {0}, {});
    FAIL();
  } catch (const core::DataError& error) {
    EXPECT_NE(std::string(error.what()).find("improper"), std::string::npos) << error.what();
  }
  EXPECT_THROW(Chain(normals({0}, {1}), {0}, {.target_acceptance = 1}), core::ConfigurationError);
  EXPECT_THROW(Chain(normals({0}, {1}), {0}, {.max_depth = 0}), core::ConfigurationError);
}

TEST(Chain, TreesEndAtTheGreatestDepth) {
  Chain chain(normals({0, 0}, {1e-3, 1}), {0, 0}, {0, 200, 1, 0, 0.8, 3, MetricKind::diagonal});
  while (!chain.finished()) {
    const Draw draw = chain.advance();
    EXPECT_LE(draw.depth, 3);
    EXPECT_LE(draw.steps, 7);
  }
}

}  // namespace
}  // namespace kronwerk::models
