#include "kronwerk/models/laplace/laplace.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "models/covariance/gaussian_fixture.hpp"
#include "models/laplace/dense_laplace.hpp"

namespace kronwerk::models {
namespace {

using oracle::Cell;

Cell poisson_cell(double y, double size, double f) {
  const double mean = size * std::exp(f);
  return {y * (f + std::log(size)) - mean - std::lgamma(y + 1), y - mean, -mean};
}

Cell negative_binomial_cell(double y, double size, double theta, double f) {
  const double mean = size * std::exp(f), sum = theta + mean;
  return {std::lgamma(y + theta) - std::lgamma(theta) - std::lgamma(y + 1) +
              theta * std::log(theta / sum) + y * std::log(mean / sum),
          theta * (y - mean) / sum, -theta * mean * (theta + y) / (sum * sum)};
}

Cell binomial_cell(double y, double size, double f) {
  const double p = 1 / (1 + std::exp(-f));
  return {std::lgamma(size + 1) - std::lgamma(y + 1) - std::lgamma(size - y + 1) + y * std::log(p) +
              (size - y) * std::log1p(-p),
          y - size * p, -size * p * (1 - p)};
}

class LaplaceTest : public GaussianFixture {
 protected:
  /// A small problem with everything in it.
  struct Problem {
    Extents extents;
    std::vector<double> y;  ///< NaN where missing
    std::vector<double> sizes;
    std::vector<std::vector<double>> columns;  ///< dense, estimated
    std::vector<MeanColumn> mean;
    oracle::Matrix covariance;  ///< dense, over the grid
    std::vector<ScaledProduct> signal;
    CellLikelihood likelihood;
    double offset = 0;
  };

  /// On one rank, for all. Collective.
  oracle::Laplace dense(const Problem& problem, const std::vector<double>& scores = {},
                        const std::vector<double>& beta = {}) const {
    std::vector<std::int64_t> seen;
    for (std::size_t i = 0; i < problem.y.size(); ++i) {
      if (!std::isnan(problem.y[i])) seen.push_back(static_cast<std::int64_t>(i));
    }
    const auto n = static_cast<std::int64_t>(seen.size());
    const auto p = static_cast<std::int64_t>(problem.columns.size());
    oracle::Matrix covariance(n, n), columns(n, p);
    for (std::int64_t i = 0; i < n; ++i) {
      const auto at = static_cast<std::size_t>(seen[static_cast<std::size_t>(i)]);
      for (std::int64_t j = 0; j < n; ++j) {
        covariance(i, j) =
            problem.covariance(static_cast<std::int64_t>(at), seen[static_cast<std::size_t>(j)]);
      }
      for (std::int64_t j = 0; j < p; ++j)
        columns(i, j) = problem.columns[static_cast<std::size_t>(j)][at];
    }
    const std::vector<double> offset(static_cast<std::size_t>(n), problem.offset);
    oracle::Laplace result;
    result.field.resize(static_cast<std::size_t>(n));
    result.beta.resize(static_cast<std::size_t>(p));
    std::vector<double> start;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      if (!std::isnan(problem.y[i])) start.push_back(scores[i]);
    }
    const auto likelihood = [&](std::size_t cell, double f) {
      const auto at = static_cast<std::size_t>(seen[cell]);
      const double y = problem.y[at], size = problem.sizes[at];
      switch (problem.likelihood.family) {
        case CellFamily::poisson:
          return poisson_cell(y, size, f);
        case CellFamily::negative_binomial:
          return negative_binomial_cell(y, size, problem.likelihood.theta, f);
        default:
          return binomial_cell(y, size, f);
      }
    };
    if (comm_.is_root()) {
      result = oracle::laplace(covariance, columns, offset, likelihood, start, beta);
    }
    comm_.broadcast(std::span(result.field));
    comm_.broadcast(std::span(result.beta));
    comm_.broadcast(std::span(&result.density, 1));
    return result;
  }

  /// Two kernels over a × b, counts with means that vary, missing cells, two columns.
  Problem make(Index a, Index b, CellFamily family, double scale, double length, double level,
               bool two_terms = false, bool rough = false) const {
    Problem problem;
    problem.extents = {a, b};
    problem.likelihood = {family, 3.5};
    const auto first = rough ? exponential(a, length) : rbf(a, length);
    const auto second = exponential(b, 2 * length);
    problem.signal = {{scale, {chain(first, "A"), chain(second, "B")}}};
    problem.covariance = oracle::kron({first, second});
    for (double& value : problem.covariance.values) value *= scale;
    if (two_terms) {
      const auto other = exponential(a, 3.1);
      problem.signal.push_back({0.3, {chain(other, "C"), identity(b)}});
      problem.covariance =
          oracle::add(1, problem.covariance, 0.3, oracle::kron({other, oracle::identity(b)}));
    }
    const auto noise = oracle::random_vector(a * b, 5);
    std::vector<double> trend;
    for (Index j = 0; j < b; ++j) trend.push_back(std::sin(0.9 * static_cast<double>(j)));
    problem.mean = {{{{}, {}}}, {{{}, trend}}};
    problem.columns.assign(2, {});
    for (Index i = 0; i < a; ++i) {
      for (Index j = 0; j < b; ++j) {
        const auto at = static_cast<std::size_t>(i * b + j);
        const double x = static_cast<double>(i) / static_cast<double>(a);
        const double z = static_cast<double>(j) / static_cast<double>(b);
        problem.sizes.push_back(1 + static_cast<double>((i * 7 + j * 3) % 5));
        const double f = level * std::sin(3 * x + 2 * z) + 0.3 * noise[at];
        double y = 0;
        if (has_log_link(family)) {
          y = std::floor(problem.sizes.back() * std::exp(f) + 0.5);
        } else {
          y = std::floor((problem.sizes.back() + 0.99) / (1 + std::exp(-f)));
        }
        problem.y.push_back((i * 5 + j * 11) % 7 == 0 ? std::nan("") : y);
        problem.columns[0].push_back(1);
        problem.columns[1].push_back(trend[static_cast<std::size_t>(j)]);
      }
    }
    return problem;
  }

  LaplaceApproximation approximate(const Problem& problem, LaplaceSettings settings = {}) const {
    const Layout layout = latent_layout(comm_, problem.signal);
    return {comm_,
            workspace_,
            {layout, local(layout, problem.y), local(layout, problem.sizes)},
            settings};
  }
  static LatentModel model_of(const Problem& problem) {
    LatentModel model{problem.signal, problem.mean, problem.likelihood};
    if (problem.offset != 0) {
      model.mean.push_back(
          {std::vector<std::vector<double>>(problem.extents.size()), problem.offset});
    }
    return model;
  }

  /// Densities at the same point, exact and by probes.
  struct Both {
    LaplaceDensity exact;
    LaplaceDensity estimated;
  };
  Both densities(const Problem& problem, const LatentModel& model, Index probes,
                 const std::vector<LatentDerivative>& derivatives) const {
    const auto density = [&](const LaplaceSettings& settings) {
      auto laplace = approximate(problem, settings);
      laplace.find_mode(model);
      return laplace.density(derivatives);
    };
    LaplaceSettings settings;
    settings.exact_limit = 0;
    settings.stochastic.probes = probes;
    return {density({}), density(settings)};
  }

  void expect_dense(const Problem& problem) const { expect_dense(problem, dense(problem)); }
  void expect_dense(const Problem& problem, const oracle::Laplace& expected) const {
    auto laplace = approximate(problem);
    const auto progress = laplace.find_mode(model_of(problem));
    EXPECT_TRUE(progress.converged) << progress.reason;
    const auto field = whole(latent_layout(comm_, problem.signal), laplace.field());
    std::size_t next = 0;
    for (std::size_t i = 0; i < field.size(); ++i) {
      if (std::isnan(problem.y[i])) continue;
      EXPECT_NEAR(field[i], expected.field[next++], 1e-8) << i;
    }
    const auto mean = laplace.mean();
    for (std::size_t j = 0; j < expected.beta.size(); ++j) {
      EXPECT_NEAR(mean.coefficients[j], expected.beta[j], 1e-8);
    }
    const auto density = laplace.density({});
    EXPECT_NEAR(density.value, expected.density, 1e-8 * std::abs(expected.density));
    EXPECT_EQ(density.standard_error, 0);
  }
};

TEST_F(LaplaceTest, AgreesWithDenseFormulas) {
  expect_dense(make(5, 7, CellFamily::poisson, 0.8, 1.5, 2));
  expect_dense(make(7, 3, CellFamily::negative_binomial, 0.5, 1.1, 1.5));
  expect_dense(make(5, 7, CellFamily::binomial, 1.3, 2.0, 1));
  expect_dense(make(1, 11, CellFamily::poisson, 0.8, 1.5, 2));
}

TEST_F(LaplaceTest, TakesSumsOfProductsAndColumnsOfOnes) {
  auto problem = make(5, 7, CellFamily::poisson, 0.8, 1.5, 2, true);
  expect_dense(problem);
  problem.mean.clear();
  problem.columns.clear();
  problem.offset = 0.4;
  expect_dense(problem);
}

TEST_F(LaplaceTest, AgreesAtMeansFromATenthToTwoHundred) {
  const auto problem = make(40, 30, CellFamily::poisson, 2.0, 6, 3.8);
  double least = 1e9, most = 0;
  // Dense steps are dear: the oracle starts where the library ended, and has to stay there.
  auto laplace = approximate(problem);
  laplace.find_mode(model_of(problem));
  const auto scores = whole(latent_layout(comm_, problem.signal), laplace.score());
  const auto expected = dense(problem, scores, laplace.mean().coefficients);
  std::size_t next = 0;
  for (std::size_t i = 0; i < problem.y.size(); ++i) {
    if (std::isnan(problem.y[i])) continue;
    const double mean = problem.sizes[i] * std::exp(expected.field[next++]);
    least = std::min(least, mean);
    most = std::max(most, mean);
  }
  EXPECT_LT(least, 0.15);
  EXPECT_GT(most, 150);
  expect_dense(problem, expected);
}

/// A problem as a function of the scale, a length, a coefficient of the mean, and θ.
class LaplaceGradientTest : public LaplaceTest {
 protected:
  using Point = std::vector<double>;

  LatentModel model_at(const Problem& problem, const Point& x) const {
    LatentModel model = model_of(problem);
    model.signal[0].scale = x[0];
    model.signal[0].chains[0] = chain(exponential(problem.extents[0], x[1]), "A");
    model.mean.push_back({{{}, {}}, x[2]});
    model.mean.erase(model.mean.begin());  // or there were two columns of ones
    model.likelihood.theta = x[3];
    return model;
  }

  std::vector<LatentDerivative> derivatives_at(const Problem& problem, const Point& x) const {
    const LatentModel model = model_at(problem, x);
    std::vector<LatentDerivative> result(4);
    result[0].covariance = {{1, model.signal[0].chains}};
    result[1].covariance = {model.signal[0]};
    result[1].covariance[0].chains[0] =
        chain(exponential_derivative(problem.extents[0], x[1]), "dA");
    result[2].coefficient = 1;
    result[3].theta = true;
    return result;
  }

  double value_at(LaplaceApproximation& laplace, const Problem& problem, const Point& x) const {
    EXPECT_TRUE(laplace.find_mode(model_at(problem, x)).converged);
    return laplace.density({}).value;
  }

  void expect_differences(const Problem& problem) const {
    const Point x{0.8, 1.7, 0.4, 3.5};
    LaplaceSettings settings;
    settings.tolerance = 1e-12;
    auto laplace = approximate(problem, settings);
    laplace.find_mode(model_at(problem, x));
    const auto found = laplace.density(derivatives_at(problem, x)).gradient;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double h = 1e-4 * x[i];
      // Four points, of the order h⁴.
      const auto at = [&](double step) {
        Point moved = x;
        moved[i] += step * h;
        return value_at(laplace, problem, moved);
      };
      const double expected = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h);
      EXPECT_NEAR(found[i], expected, 1e-5 * std::max(1.0, std::abs(expected))) << i;
    }
  }
};

TEST_F(LaplaceGradientTest, IsThatOfTheDensity) {
  expect_differences(make(5, 7, CellFamily::poisson, 0.8, 1.7, 1.5, true, true));
  if (comm_.size() > 2) return;  // families know nothing of ranks
  expect_differences(make(5, 7, CellFamily::negative_binomial, 0.8, 1.7, 1.5, false, true));
  expect_differences(make(4, 6, CellFamily::bernoulli, 0.8, 1.7, 1, false, true));
}

TEST_F(LaplaceGradientTest, WithoutTheModesMotionIsAnother) {
  // What a test of the implicit part would have to see.
  const auto problem = make(5, 7, CellFamily::poisson, 0.8, 1.7, 1.5, false, true);
  auto laplace = approximate(problem);
  const Point x{0.8, 1.7, 0.4, 3.5};
  laplace.find_mode(model_at(problem, x));
  std::vector<LatentDerivative> mean(1);
  mean[0].coefficient = 1;
  // At the mode the density itself moves with the mean by the sum of the scores alone.
  double score = 0;
  for (const double each : laplace.score()) score += each;
  score = comm_.sum(score);
  EXPECT_GT(std::abs(laplace.density(mean).gradient[0] - score), 1e-3);
}

TEST_F(LaplaceGradientTest, IsEstimatedWithinItsStandardErrors) {
  for (const bool two_terms : {false, true}) {
    const auto problem =
        make(12, 11, CellFamily::negative_binomial, 0.8, 1.7, 1.5, two_terms, true);
    const Point x{0.8, 1.7, 0.4, 3.5};
    const auto [expected, found] =
        densities(problem, model_at(problem, x), 40, derivatives_at(problem, x));
    EXPECT_GT(found.standard_error, 0);
    EXPECT_NEAR(found.value, expected.value, 4 * found.standard_error + found.quadrature_error);
    EXPECT_LT(found.standard_error, 2);
    for (std::size_t i = 0; i < x.size(); ++i) {
      EXPECT_GT(found.gradient_errors[i], 0) << i;
      EXPECT_NEAR(found.gradient[i], expected.gradient[i], 4 * found.gradient_errors[i]) << i;
      EXPECT_LT(found.gradient_errors[i], 0.3 * std::abs(expected.gradient[i]) + 1) << i;
    }
  }
}

TEST_F(LaplaceGradientTest, IsEstimatedForTermsWhoseVarianceIsZero) {
  if (comm_.size() > 2) return;  // as the test before on more ranks
  // Beside a term that is there: their changes are no changes of a root.
  auto problem = make(12, 11, CellFamily::poisson, 0.8, 1.7, 1.5, true, true);
  problem.signal[1].scale = 0;
  std::vector<LatentDerivative> variances(2);
  variances[0].covariance = {{1, problem.signal[1].chains}};
  variances[1].covariance = {{1, problem.signal[0].chains}, {0.5, problem.signal[1].chains}};
  const auto [expected, found] = densities(problem, model_of(problem), 40, variances);
  for (std::size_t i = 0; i < variances.size(); ++i) {
    EXPECT_GT(found.gradient_errors[i], 0) << i;
    EXPECT_NEAR(found.gradient[i], expected.gradient[i], 4 * found.gradient_errors[i]) << i;
    EXPECT_LT(found.gradient_errors[i], 0.5 * std::abs(expected.gradient[i]) + 1) << i;
  }
}

TEST_F(LaplaceTest, EstimatesDoNotCancelWhereTheFieldIsStrong) {
  const auto problem = make(16, 13, CellFamily::poisson, 2.0, 5, 4.5);
  std::vector<LatentDerivative> scale(1);
  scale[0].covariance = {{1, problem.signal[0].chains}};
  const auto [expected, found] = densities(problem, model_of(problem), 12, scale);
  EXPECT_NEAR(found.value, expected.value, 4 * found.standard_error + found.quadrature_error);
  EXPECT_LT(found.standard_error, 3);
  EXPECT_NEAR(found.gradient[0], expected.gradient[0], 4 * found.gradient_errors[0]);
  EXPECT_LT(found.gradient_errors[0], 3);
}

TEST_F(LaplaceTest, TheNearestProductSavesIterations) {
  if (comm_.size() > 2) return;  // as many on any number of ranks
  const auto problem = make(40, 30, CellFamily::poisson, 2.0, 6, 3.8);
  LaplaceSettings plain;
  plain.nearest_product = false;
  plain.exact_limit = 0;
  LaplaceSettings nearest;
  nearest.exact_limit = 0;
  auto without = approximate(problem, plain);
  auto with = approximate(problem, nearest);
  const auto slow = without.find_mode(model_of(problem));
  const auto fast = with.find_mode(model_of(problem));
  EXPECT_TRUE(slow.converged && fast.converged);
  EXPECT_LE(static_cast<double>(fast.iterations), 0.7 * static_cast<double>(slow.iterations))
      << fast.iterations << " and " << slow.iterations << ", steps " << fast.steps << " and "
      << slow.steps;
}

TEST_F(LaplaceTest, ConditionsAndExplainsByTheSameInverse) {
  for (const bool two_terms : {false, true}) {
    const Index rows = comm_.size() > 2 ? 3 : 5;  // a solve for every cell
    const auto problem = make(rows, 7, CellFamily::poisson, 0.8, 1.5, 1.5, two_terms);
    const Layout layout = latent_layout(comm_, problem.signal);
    for (const Index limit : {0, 4000}) {
      LaplaceSettings settings;
      settings.exact_limit = limit;
      auto laplace = approximate(problem, settings);
      laplace.find_mode(model_of(problem));
      const auto weights = whole(layout, laplace.weights());
      const auto n = static_cast<std::int64_t>(weights.size());
      // R column by column, with the own and with the nearest weights.
      const auto inverse = [&](LaplaceApproximation::Weights kind) {
        oracle::Matrix r(n, n);
        for (std::int64_t j = 0; j < n; ++j) {
          std::vector<double> unit(static_cast<std::size_t>(n), 0.0);
          unit[static_cast<std::size_t>(j)] = 1;
          const auto u = local(layout, unit);
          std::vector<double> column(u.size());
          laplace.condition(u, std::vector<double>(u.size(), 0.0), kind, column);
          const auto all = whole(layout, column);
          for (std::int64_t i = 0; i < n; ++i) r(i, j) = all[static_cast<std::size_t>(i)];
        }
        return r;
      };
      const auto own = inverse(LaplaceApproximation::Weights::own);
      // R (K + W⁻¹) = I where W > 0: R K W + R = W.
      auto left = oracle::multiply(own, problem.covariance);
      for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t j = 0; j < n; ++j) {
          const double w = weights[static_cast<std::size_t>(j)];
          EXPECT_NEAR(left(i, j) * w + own(i, j), i == j ? w : 0.0, 1e-7) << i << ", " << j;
        }
      }
      const auto used = limit > 0 ? own : inverse(LaplaceApproximation::Weights::nearest);
      std::vector<double> variance(static_cast<std::size_t>(layout.home_size(comm_.rank())), 0.0);
      laplace.explain(problem.signal, layout, variance);
      const auto found = whole(layout, variance);
      const auto expected =
          oracle::multiply(problem.covariance, oracle::multiply(used, problem.covariance));
      for (std::int64_t i = 0; i < n; ++i) {
        EXPECT_NEAR(found[static_cast<std::size_t>(i)], -expected(i, i), 1e-7) << i;
      }
    }
  }
}

TEST_F(LaplaceTest, GoesOnFromTheLastMode) {
  const auto problem = make(7, 5, CellFamily::poisson, 0.8, 1.5, 2);
  auto laplace = approximate(problem);
  const auto first = laplace.find_mode(model_of(problem));
  auto moved = model_of(problem);
  moved.signal[0].scale *= 1.01;
  const auto second = laplace.find_mode(moved);
  EXPECT_TRUE(second.converged);
  EXPECT_LT(second.steps, first.steps);
  auto fresh = approximate(problem);
  fresh.find_mode(moved);
  EXPECT_NEAR(laplace.density({}).value, fresh.density({}).value, 1e-8);
}

TEST_F(LaplaceTest, RefusesWhatItCannotUse) {
  auto problem = make(5, 7, CellFamily::poisson, 0.8, 1.5, 2);
  auto dependent = model_of(problem);
  dependent.mean.push_back(dependent.mean.front());
  auto laplace = approximate(problem);
  EXPECT_NE(
      message_of<core::DataError>([&] { laplace.find_mode(dependent); }).find("linearly dependent"),
      std::string::npos);
  auto indefinite = model_of(problem);
  auto matrix = rbf(5, 1.5);
  matrix(0, 0) = -2;
  indefinite.signal[0].chains[0] = chain(matrix, "A");
  EXPECT_NE(message_of<core::DataError>([&] { laplace.find_mode(indefinite); }).find("'A'"),
            std::string::npos);
  for (double& y : problem.y) y = std::nan("");
  EXPECT_NE(message_of<core::DataError>([&] { approximate(problem); }).find("observed"),
            std::string::npos);
}

}  // namespace
}  // namespace kronwerk::models
