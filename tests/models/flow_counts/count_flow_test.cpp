#include "kronwerk/models/flow_counts/count_flow.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "models/flow_counts/count_fixture.hpp"

namespace kronwerk::models {
namespace {

class CountFlowTest : public CountFixture {
 protected:
  static std::array<double, 3> separable(std::span<const double> x) {
    return {x[0], x[1], -x[0] * x[1]};
  }

  FlowCounts data() const {
    FlowCounts result;
    for (const auto& year : counts()) result.years.push_back(owned(year));
    result.log_exposure = {owned(exposure())};
    return result;
  }
  static Numbers exposure() {
    Numbers values = oracle::random_vector(cells, 22);
    for (double& value : values) value *= 0.3;
    return values;
  }

  Numbers dense_eta(const Matrix& a, std::span<const double> delta) const {
    return oracle::solve(a, oracle::multiply(design(), delta));
  }
  double dense_value(const Coefficients& coefficients, std::span<const double> x,
                     CountFamily family) const {
    const auto [o, d, w] = coefficients(x);
    const std::size_t free = x.size() - 4 - (family == CountFamily::poisson ? 0 : 1);
    const Numbers eta = dense_eta(dense(o, d, w), x.subspan(free, 4));
    const Numbers offset = exposure();
    const double theta = std::exp(x.back());
    double sum = 0;
    for (const auto& year : counts()) {
      for (std::size_t i = 0; i < year.size(); ++i) {
        const double y = year[i];
        if (std::isnan(y)) continue;
        const double lambda = std::exp(eta[i] + offset[i]);
        sum -= std::lgamma(y + 1);
        if (family == CountFamily::poisson) {
          sum += y * std::log(lambda) - lambda;
        } else {
          sum += std::lgamma(y + theta) - std::lgamma(theta) + theta * std::log(theta) +
                 y * std::log(lambda) - (y + theta) * std::log(theta + lambda);
        }
      }
    }
    return sum;
  }

  void expect_derivatives(const std::string& formula, const std::vector<std::string>& free,
                          const Coefficients& coefficients, CountFamily family, Numbers x) const {
    const FlowFilter a = filter(formula, free);
    const FlowMatrices m = matrices(a);
    const auto z = columns();
    CountFlow model(comm_, workspace_, a, m, z, data(), family, dense_solves(coefficients));
    const auto point = model.evaluate(x);
    ASSERT_TRUE(point);
    EXPECT_NEAR(point->value, dense_value(coefficients, x, family), 1e-10);
    constexpr double h = 1e-5;
    for (std::size_t i = 0; i < x.size(); ++i) {
      Numbers up = x, down = x;
      up[i] += h;
      down[i] -= h;
      EXPECT_NEAR(
          point->gradient[i],
          (dense_value(coefficients, up, family) - dense_value(coefficients, down, family)) /
              (2 * h),
          1e-5)
          << i;
      const auto above = model.evaluate(up);
      const auto below = model.evaluate(down);
      for (std::size_t j = 0; j < x.size(); ++j) {
        EXPECT_NEAR(point->hessian[i * x.size() + j],
                    (above->gradient[j] - below->gradient[j]) / (2 * h), 2e-5)
            << i << " " << j;
      }
    }
    const auto gradient = model.evaluate_gradient(x);
    ASSERT_TRUE(gradient);
    EXPECT_NEAR(gradient->value, point->value, 1e-10);
    EXPECT_LE(oracle::relative_error(gradient->gradient, point->gradient), 1e-11);
  }

  const std::string m9_ = "kron(I, I) - o*kron(V, I) - d*kron(I, W) - w*kron(V, W)";
};

TEST_F(CountFlowTest, PoissonHasTheDerivativesOfTheDenseModel) {
  expect_derivatives(m9_, {"o", "d", "w"}, three, CountFamily::poisson,
                     {0.3, 0.25, -0.1, 0.8, 0.4, -0.3, 0.2});
}

TEST_F(CountFlowTest, NegativeBinomialHasTheDerivativesOfTheDenseModel) {
  use(nearly_defective(origins), weights(destinations, 3));
  expect_derivatives(m9_, {"o", "d", "w"}, three, CountFamily::negative_binomial,
                     {0.2, 0.3, 0.1, 0.8, 0.4, -0.3, 0.2, 1.5});
}

TEST_F(CountFlowTest, SeparableFiltersHaveSecondDerivatives) {
  expect_derivatives("kron(I - o*V, I - d*W)", {"o", "d"}, separable, CountFamily::poisson,
                     {0.4, -0.3, 0.8, 0.4, -0.3, 0.2});
}

/// Iterated weighted least squares on a dense design.
Numbers fit_linear_model(const Matrix& z, const std::vector<Numbers>& years,
                         const Numbers& offset) {
  Numbers delta(static_cast<std::size_t>(z.cols), 0.0);
  delta[0] = 1;
  for (int iteration = 0; iteration < 60; ++iteration) {
    Matrix gram(z.cols, z.cols);
    Numbers gradient(delta.size(), 0.0);
    const Numbers eta = oracle::multiply(z, delta);
    for (const auto& year : years) {
      for (std::size_t i = 0; i < year.size(); ++i) {
        if (std::isnan(year[i])) continue;
        const double lambda = std::exp(eta[i] + offset[i]);
        for (Index a = 0; a < z.cols; ++a) {
          const auto row = static_cast<Index>(i);
          gradient[static_cast<std::size_t>(a)] += z(row, a) * (year[i] - lambda);
          for (Index b = 0; b < z.cols; ++b) gram(a, b) += lambda * z(row, a) * z(row, b);
        }
      }
    }
    const Numbers step = oracle::solve(gram, gradient);
    for (std::size_t j = 0; j < delta.size(); ++j) delta[j] += step[j];
  }
  return delta;
}

TEST_F(CountFlowTest, WithoutAFilterIsAGeneralisedLinearModel) {
  const FlowFilter a = filter(m9_, {"o", "d", "w"});
  const FlowMatrices m = matrices(a);
  const auto z = columns();
  CountFlow model(comm_, workspace_, a, m, z, data(), CountFamily::poisson,
                  [](std::span<const double>) -> FlowSolve {
                    throw core::InternalError("no solve is needed");
                  });
  const Numbers x = model.begin(Numbers{0, 0, 0});
  const Numbers expected = fit_linear_model(design(), counts(), exposure());
  ASSERT_EQ(x.size(), 7U);
  for (std::size_t j = 0; j < 4; ++j) EXPECT_NEAR(x[3 + j], expected[j], 1e-8);
  Index observed = 0;
  for (const auto& year : counts()) {
    observed += std::ranges::count_if(year, [](double y) { return !std::isnan(y); });
  }
  EXPECT_EQ(model.cells(), observed);
}

TEST_F(CountFlowTest, NegativeBinomialTendsToPoisson) {
  const FlowFilter a = filter(m9_, {"o", "d", "w"});
  const FlowMatrices m = matrices(a);
  const auto z = columns();
  CountFlow poisson(comm_, workspace_, a, m, z, data(), CountFamily::poisson, dense_solves(three));
  CountFlow binomial(comm_, workspace_, a, m, z, data(), CountFamily::negative_binomial,
                     dense_solves(three));
  Numbers x{0.2, 0.3, 0.1, 0.8, 0.4, -0.3, 0.2};
  const auto limit = poisson.evaluate(x);
  x.push_back(std::log(1e12));
  const auto point = binomial.evaluate(x);
  EXPECT_NEAR(point->value, limit->value, 1e-6);
  for (std::size_t i = 0; i < 7; ++i) EXPECT_NEAR(point->gradient[i], limit->gradient[i], 1e-5);
}

TEST_F(CountFlowTest, ScoreProductsAreSumsOverTheFlows) {
  const FlowFilter a = filter(m9_, {"o", "d", "w"});
  const FlowMatrices m = matrices(a);
  const auto z = columns();
  CountFlow model(comm_, workspace_, a, m, z, data(), CountFamily::poisson, dense_solves(three));
  const Numbers x{0.2, 0.3, 0.1, 0.8, 0.4, -0.3, 0.2};
  ASSERT_TRUE(model.evaluate(x));
  const Numbers products = model.score_products();
  const Matrix u = oracle::solve(dense(0.2, 0.3, 0.1), design());
  const Numbers eta = oracle::multiply(u, std::span(x).subspan(3));
  double expected = 0;
  for (const auto& year : counts()) {
    for (std::size_t i = 0; i < year.size(); ++i) {
      if (std::isnan(year[i])) continue;
      const double score = year[i] - std::exp(eta[i] + exposure()[i]);
      expected += score * score * u(static_cast<Index>(i), 1) * u(static_cast<Index>(i), 3);
    }
  }
  EXPECT_NEAR(products[4 * 7 + 6], expected, 1e-9 * std::abs(expected));
  EXPECT_NEAR(products[6 * 7 + 4], expected, 1e-9 * std::abs(expected));
}

TEST_F(CountFlowTest, NamesColumnsThatAreCombinations) {
  const FlowFilter a = filter(m9_, {"o", "d", "w"});
  const FlowMatrices m = matrices(a);
  auto z = columns();
  z.push_back(z[1]);
  z.back().text = "kron(2*u, 1)";
  for (double& value : z.back().origin) value *= 2;
  CountFlow model(comm_, workspace_, a, m, z, data(), CountFamily::poisson, dense_solves(three));
  try {
    model.begin(Numbers{0.1, 0, 0});
    FAIL();
  } catch (const core::DataError& error) {
    EXPECT_NE(
        std::string(error.what()).find("column 'kron(2*u, 1)' is a combination of 'kron(u, 1)'"),
        std::string::npos)
        << error.what();
  }
}

TEST_F(CountFlowTest, KnowsCoefficientsThatDiverge) {
  const FlowFilter a = filter(m9_, {"o", "d", "w"});
  const FlowMatrices m = matrices(a);
  auto z = columns();
  // One origin from which nobody came.
  FlowColumn lonely = z[1];
  lonely.text = "kron(first, 1)";
  std::ranges::fill(lonely.origin, 0.0);
  lonely.origin[0] = 1;
  z.push_back(lonely);
  FlowCounts counts = data();
  const distribution::BlockPartition rows(origins, comm_.size());
  if (rows.begin(comm_.rank()) == 0 && rows.count(comm_.rank()) > 0) {
    for (auto& year : counts.years) std::fill_n(year.begin(), destinations, 0.0);
  }
  CountFlow model(comm_, workspace_, a, m, z, counts, CountFamily::poisson, dense_solves(three));
  const Numbers x = model.begin(Numbers{0, 0, 0});
  const auto point = model.evaluate(x);
  ASSERT_TRUE(point);
  Numbers variance(8 * 8, 0.0);
  for (std::size_t i = 0; i < 8; ++i) variance[i * 8 + i] = -1 / point->hessian[i * 8 + i];
  EXPECT_EQ(model.diverging(variance), std::vector<std::size_t>{4});
  // The flows of that origin are what its coefficient takes to zero.
  double least = std::numeric_limits<double>::infinity();
  const auto& eta = model.linear_predictor();
  for (std::size_t year = 0; year < model.counts().years.size(); ++year) {
    const auto* exposure = model.counts().exposure(year);
    for (std::size_t i = 0; i < eta.size(); ++i) {
      if (std::isnan(model.counts().years[year][i])) continue;
      least = std::min(least, std::exp(eta[i] + (exposure == nullptr ? 0 : (*exposure)[i])));
    }
  }
  EXPECT_NEAR(model.least_mean(), -comm_.max(-least), 1e-12 * model.least_mean());
  EXPECT_LT(model.least_mean(), 1e-5);
}

TEST_F(CountFlowTest, ColumnsOfSimpleVectorsNeedSmallSolvesOnly) {
  const Numbers u = oracle::random_vector(origins, 5);
  const Numbers v = oracle::random_vector(destinations, 6);
  const Numbers ones_o(origins, 1), ones_d(destinations, 1);
  const auto check = [&](const std::string& formula, const std::vector<std::string>& free,
                         const Coefficients& coefficients, const Numbers& x, const Numbers& origin,
                         const Numbers& destination, std::size_t pieces) {
    const FlowFilter a = filter(formula, free);
    const FlowMatrices m = matrices(a);
    const ColumnSolver solver(comm_, a, m);
    const FlowColumn column{FlowColumn::Kind::kron, "z", origin, destination, {}};
    const auto products = solver.solve(column, a.coefficients(x).value);
    ASSERT_EQ(products.size(), pieces);
    if (pieces == 0) return;
    Numbers grid(cells, 0.0), found(cells, 0.0);
    add_column(column, 1, 0, destinations, grid);
    add_products(products, 1, 0, destinations, found);
    const auto [o, d, w] = coefficients(x);
    EXPECT_LE(oracle::relative_error(found, oracle::solve(dense(o, d, w), grid)), 1e-12);
  };
  // The last regions have no neighbours and are nobody's: ones are two vectors that the weights
  // scale, by 1 and by 0.
  use(isolated(origins, 1), isolated(destinations, 2));
  check(m9_, {"o", "d", "w"}, three, {0.3, 0.2, 0.1}, u, ones_d, 2);
  check(m9_, {"o", "d", "w"}, three, {0.3, 0.2, 0.1}, ones_o, v, 2);
  check(m9_, {"o", "d", "w"}, three, {0.3, 0.2, 0.1}, u, v, 0);
  check("kron(I - o*V, I - d*W)", {"o", "d"}, separable, {0.3, 0.2}, u, v, 1);
  check(m9_, {"o", "d", "w"}, three, {0.3, 0.2, -0.06}, u, v, 1);
}

}  // namespace
}  // namespace kronwerk::models
