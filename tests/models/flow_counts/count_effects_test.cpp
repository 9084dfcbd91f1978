// Absorbed fixed effects of counts, against designs with a dummy for every region.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "models/flow_counts/count_fixture.hpp"

namespace kronwerk::models {
namespace {

const std::string m9 = "kron(I, I) - o*kron(V, I) - d*kron(I, W) - w*kron(V, W)";

class CountEffectsTest : public CountFixture {
 protected:
  void SetUp() override {
    CountFixture::SetUp();
    use(equal_rows(origins, 1), equal_rows(destinations, 2));
  }

  FlowCounts data(const std::vector<Numbers>& years = counts()) const {
    FlowCounts result;
    for (const auto& year : years) result.years.push_back(owned(year));
    Numbers exposure = oracle::random_vector(cells, 22);
    for (double& value : exposure) value *= 0.3;
    result.log_exposure = {owned(exposure)};
    return result;
  }

  struct Fit {
    NewtonPoint point;
    Numbers covariance, robust;
  };
  static Matrix square(Index n, const Numbers& values) {
    Matrix matrix(n, n);
    matrix.values = values;
    return matrix;
  }
  /// With a prior that keeps the filter's parameters inside.
  static Fit fit(CountFlow& model) {
    constexpr double prior = 1000;
    const auto function = [&](std::span<const double> x) -> std::optional<NewtonPoint> {
      if (!(std::abs(x[0]) + std::abs(x[1]) + std::abs(x[2]) < 0.95)) return std::nullopt;
      auto point = model.evaluate(x);
      for (std::size_t i = 0; point && i < 3; ++i) {
        point->value -= prior / 2 * (x[i] - 0.1) * (x[i] - 0.1);
        point->gradient[i] -= prior * (x[i] - 0.1);
        point->hessian[i * x.size() + i] -= prior;
      }
      return point;
    };
    const auto start = function(model.begin(Numbers{0, 0, 0}));
    NewtonSettings settings;
    settings.tolerance = 1e-9;
    const auto outcome = maximise(
        function, [](std::span<const double>) { return NewtonConstraints{}; }, *start, settings);
    EXPECT_TRUE(outcome.converged) << outcome.reason;
    const auto at = function(outcome.point.x);
    const auto n = static_cast<Index>(at->x.size());
    Numbers information = at->hessian;
    for (double& value : information) value = -value;
    const Matrix covariance = oracle::inverse(square(n, information));
    return {*at, covariance.values,
            oracle::multiply(oracle::multiply(covariance, square(n, model.score_products())),
                             covariance)
                .values};
  }

  /// The whole fit, its covariances and effects are those with dummies as columns.
  void expect_dummies(CountFamily family, const FixedEffects& effects) const {
    const FlowFilter a = filter(m9, {"o", "d", "w"});
    const FlowMatrices m = matrices(a);
    const auto z = mixed_columns();
    auto with_dummies = z;
    for (FlowColumn& dummy : dummies(effects)) with_dummies.push_back(std::move(dummy));
    CountFlow absorbed(comm_, workspace_, a, m, z, data(), family, dense_solves(three), effects);
    CountFlow plain(comm_, workspace_, a, m, with_dummies, data(), family, dense_solves(three));
    const Fit found = fit(absorbed);
    const Fit expected = fit(plain);
    EXPECT_NEAR(found.point.value, expected.point.value, 1e-9);
    const std::size_t n = found.point.x.size();
    const std::size_t all = expected.point.x.size();
    const auto place = [&](std::size_t i) { return i < 5 ? i : all - 1; };
    for (std::size_t i = 0; i < n; ++i) {
      EXPECT_NEAR(found.point.x[i], expected.point.x[place(i)], 1e-8) << i;
      const auto scale = [&](std::size_t k) { return std::sqrt(found.covariance[k * n + k]); };
      for (std::size_t j = 0; j < n; ++j) {
        const std::size_t at = place(i) * all + place(j);
        const double size = scale(i) * scale(j);
        EXPECT_NEAR(found.covariance[i * n + j] / size, expected.covariance[at] / size, 1e-7);
        EXPECT_NEAR(found.robust[i * n + j] / size, expected.robust[at] / size, 1e-7);
      }
    }
    // Zδ + Dα.
    const distribution::BlockPartition rows(origins, comm_.size());
    Numbers trend = absorbed.trend(std::span(found.point.x).subspan(3, 2));
    add_effects(absorbed.effects(), rows.begin(comm_.rank()), destinations, trend);
    const Numbers wanted = plain.trend(std::span(expected.point.x).subspan(3, with_dummies.size()));
    for (std::size_t i = 0; i < trend.size(); ++i) {
      EXPECT_NEAR(trend[i], wanted[i], 1e-7);
      EXPECT_NEAR(absorbed.linear_predictor()[i], plain.linear_predictor()[i], 1e-7);
    }
  }

  std::string message_of(const FlowCounts& flows, const FixedEffects& effects) const {
    const FlowFilter a = filter(m9, {"o", "d", "w"});
    const FlowMatrices m = matrices(a);
    const auto z = mixed_columns();
    try {
      CountFlow(comm_, workspace_, a, m, z, flows, CountFamily::poisson, dense_solves(three),
                effects);
    } catch (const core::DataError& error) {
      return error.what();
    }
    return "accepted";
  }
};

TEST_F(CountEffectsTest, OfPoissonFlowsAreThoseOfDummies) {
  expect_dummies(CountFamily::poisson, {{true, true}});
  expect_dummies(CountFamily::poisson, {{true, false}});
  expect_dummies(CountFamily::poisson, {{false, true}});
}

TEST_F(CountEffectsTest, OfNegativeBinomialFlowsAreThoseOfDummies) {
  expect_dummies(CountFamily::negative_binomial, {{true, true}});
  expect_dummies(CountFamily::negative_binomial, {{false, true}});
}

TEST_F(CountEffectsTest, WithoutAFilterAreThoseOfAGeneralisedLinearModel) {
  const FlowFilter a = filter(m9, {"o", "d", "w"});
  const FlowMatrices m = matrices(a);
  const auto z = mixed_columns();
  const FlowCounts flows = data();
  CountFlow model(
      comm_, workspace_, a, m, z, flows, CountFamily::poisson,
      [](std::span<const double>) -> FlowSolve { throw core::InternalError("no solve is needed"); },
      {{true, true}});
  const Numbers x = model.begin(Numbers{0, 0, 0});
  // Newton's method on the dense design, N x 13.
  const Numbers u = oracle::random_vector(origins, 5);
  const Numbers v = oracle::random_vector(destinations, 6);
  const Numbers g = oracle::random_vector(cells, 8);
  const Numbers offset = oracle::random_vector(cells, 22);
  Matrix design(cells, 13);
  for (Index at = 0; at < cells; ++at) {
    const Index i = at / destinations;
    const Index j = at % destinations;
    design(at, 0) = u[static_cast<std::size_t>(i)] * v[static_cast<std::size_t>(j)];
    design(at, 1) = g[static_cast<std::size_t>(at)];
    design(at, 2 + i) = 1;
    if (j > 0) design(at, 6 + j) = 1;
  }
  Numbers delta(13, 0.0);
  for (int iteration = 0; iteration < 60; ++iteration) {
    Matrix gram(13, 13);
    Numbers gradient(13, 0.0);
    const Numbers eta = oracle::multiply(design, delta);
    for (const Numbers& year : counts()) {
      for (Index at = 0; at < cells; ++at) {
        const auto i = static_cast<std::size_t>(at);
        if (std::isnan(year[i])) continue;
        const double lambda = std::exp(eta[i] + 0.3 * offset[i]);
        for (Index b = 0; b < 13; ++b) {
          gradient[static_cast<std::size_t>(b)] += design(at, b) * (year[i] - lambda);
          for (Index c = 0; c < 13; ++c) gram(b, c) += lambda * design(at, b) * design(at, c);
        }
      }
    }
    const Numbers step = oracle::solve(gram, gradient);
    for (std::size_t b = 0; b < 13; ++b) delta[b] += step[b];
  }
  ASSERT_EQ(x.size(), 5U);
  EXPECT_NEAR(x[3], delta[0], 1e-8);
  EXPECT_NEAR(x[4], delta[1], 1e-8);
  ASSERT_TRUE(model.evaluate(x));
  const EffectValues effects = model.effects();
  for (std::size_t i = 1; i < 5; ++i) {
    EXPECT_NEAR(effects[0][i] - effects[0][0], delta[2 + i] - delta[2], 1e-8);
  }
  for (std::size_t j = 1; j < 7; ++j) {
    EXPECT_NEAR(effects[1][j] - effects[1][0], delta[6 + j], 1e-8);
  }
  EXPECT_NEAR(std::accumulate(effects[1].begin(), effects[1].end(), 0.0), 0, 1e-12);
}

TEST_F(CountEffectsTest, HaveTheGradientByOneSolve) {
  const FlowFilter a = filter(m9, {"o", "d", "w"});
  const FlowMatrices m = matrices(a);
  const auto z = mixed_columns();
  CountFlow model(comm_, workspace_, a, m, z, data(), CountFamily::negative_binomial,
                  dense_solves(three), {{true, true}});
  const Numbers x{0.2, 0.1, -0.1, 0.3, -0.2, 0.5};
  const auto whole = model.evaluate(x);
  const auto gradient = model.evaluate_gradient(x);
  ASSERT_TRUE(whole && gradient);
  EXPECT_NEAR(gradient->value, whole->value, 1e-9);
  EXPECT_LT(oracle::relative_error(gradient->gradient, whole->gradient), 1e-8);
}

TEST_F(CountEffectsTest, ThatTheCountsDoNotTellAreNamed) {
  const auto changed = [&](const auto& change) {
    auto years = counts();
    for (Numbers& year : years) {
      for (std::size_t i = 0; i < year.size(); ++i) {
        change(i / destinations, i % destinations, year[i]);
      }
    }
    return data(years);
  };
  const auto none = changed([](std::size_t, std::size_t j, double& y) {
    if (j == 4) y = missing;
  });
  EXPECT_NE(message_of(none, {{true, true}})
                .find("destination 4 has no estimate: not one of its flows was observed"),
            std::string::npos);
  EXPECT_EQ(message_of(none, {{true, false}}), "accepted");
  const auto zero = changed([](std::size_t i, std::size_t, double& y) {
    if (i == 2 && !std::isnan(y)) y = 0;
  });
  EXPECT_NE(message_of(zero, {{true, false}})
                .find("origin 2 has no finite estimate: all its observed flows are 0"),
            std::string::npos);
  const auto apart = changed([](std::size_t i, std::size_t j, double& y) {
    if ((i < 2) != (j < 3)) y = missing;
  });
  EXPECT_NE(message_of(apart, {{true, true}})
                .find("no chain of observed flows leads from origin 0 to origin 2"),
            std::string::npos);
  EXPECT_EQ(message_of(apart, {{false, true}}), "accepted");
}

TEST_F(CountEffectsTest, NameColumnsThatTheyContain) {
  const FlowFilter a = filter(m9, {"o", "d", "w"});
  const FlowMatrices m = matrices(a);
  auto z = mixed_columns();
  z.push_back({FlowColumn::Kind::kron,
               "kron(1, pop)",
               Numbers(origins, 1),
               oracle::random_vector(destinations, 3),
               {}});
  CountFlow model(comm_, workspace_, a, m, z, data(), CountFamily::poisson, dense_solves(three),
                  {{true, true}});
  try {
    model.begin(Numbers{0.1, 0, 0});
    FAIL();
  } catch (const core::DataError& error) {
    EXPECT_NE(
        std::string(error.what()).find("'kron(1, pop)' is a combination of the fixed effects"),
        std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace kronwerk::models
