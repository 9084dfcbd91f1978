// Fits of Gaussian flow models, against dense matrices.
#include "end_to_end/flows/flow.hpp"

namespace kronwerk::end_to_end {
namespace {

class FlowFit : public FlowTest {
 protected:
  /// At (ρ, δ, σ²): of A y - Zδ, or A (y - Zδ).
  double log_likelihood(const Numbers& at, const std::vector<Numbers>& years,
                        bool on_errors) const {
    const Matrix a = dense(at[0], at[1], at[2]);
    const Numbers trend = oracle::multiply(design(), Numbers(at.begin() + 3, at.end() - 1));
    double sum = 0;
    for (const Numbers& y : years) {
      Numbers r = on_errors ? minus(y, trend) : y;
      r = oracle::multiply(a, r);
      if (!on_errors) r = minus(r, trend);
      sum += oracle::log_abs_det(a) - dot(r, r) / (2 * at.back()) -
             static_cast<double>(cells) / 2 * std::log(2 * std::numbers::pi * at.back());
    }
    return sum;
  }
  static Numbers minus(Numbers a, const Numbers& b) {
    for (std::size_t i = 0; i < a.size(); ++i) a[i] -= b[i];
    return a;
  }

  static Numbers estimates(const Result& result) {
    Numbers at;
    for (const char* name : {"rho_o", "rho_d", "rho_w"}) {
      at.push_back(result.value(std::string("/parameters/") + name));
    }
    for (const double value : result.values("/coefficients")) at.push_back(value);
    at.push_back(result.value("/sigma2"));
    return at;
  }

  /// Every derivative of the dense likelihood vanishes, and the covariance is that of the dense
  /// information.
  void expect_maximum(const Result& result, const std::vector<Numbers>& years,
                      bool on_errors) const {
    const Numbers at = estimates(result);
    EXPECT_NEAR(result.value("/log_likelihood"), log_likelihood(at, years, on_errors), 1e-10);
    EXPECT_NEAR(result.value("/logdet"),
                static_cast<double>(years.size()) * oracle::log_abs_det(dense(at[0], at[1], at[2])),
                1e-11);
    const std::size_t n = at.size();
    const auto moved = [&](std::size_t a, double by_a, std::size_t b, double by_b) {
      Numbers x = at;
      x[a] += by_a;
      x[b] += by_b;
      return log_likelihood(x, years, on_errors);
    };
    constexpr double step = 2e-4;
    Matrix information(static_cast<std::int64_t>(n), static_cast<std::int64_t>(n));
    for (std::size_t a = 0; a < n; ++a) {
      EXPECT_NEAR((moved(a, step, a, 0) - moved(a, -step, a, 0)) / (2 * step), 0, 2e-3);
      for (std::size_t b = 0; b < n; ++b) {
        information(static_cast<std::int64_t>(a), static_cast<std::int64_t>(b)) =
            -(moved(a, step, b, step) - moved(a, step, b, -step) - moved(a, -step, b, step) +
              moved(a, -step, b, -step)) /
            (4 * step * step);
      }
    }
    // In the order of the result: parameters by their names.
    const auto covariance = result.values("/parameter_covariance");
    ASSERT_EQ(covariance.size(), n * n);
    const std::vector<std::size_t> order{1, 0, 2, 3, 4, 5, 6, 7, 8};
    const Matrix expected = oracle::inverse(information);
    for (std::size_t a = 0; a < n; ++a) {
      const double width = std::sqrt(covariance[a * n + a]);
      for (std::size_t b = 0; b < n; ++b) {
        const double scale = width * std::sqrt(covariance[b * n + b]);
        EXPECT_NEAR(
            covariance[a * n + b] / scale,
            expected(static_cast<std::int64_t>(order[a]), static_cast<std::int64_t>(order[b])) /
                scale,
            1e-4);
      }
    }
    EXPECT_NEAR(result.value("/standard_error/rho_d"), std::sqrt(covariance[0]), 1e-14);
    EXPECT_NEAR(result.value("/standard_error/sigma2"), std::sqrt(covariance[n * n - 1]), 1e-14);
    EXPECT_NEAR(result.values("/standard_error/coefficients")[4], std::sqrt(covariance[7 * n + 7]),
                1e-14);
  }
};

TEST_F(FlowFit, IsTheMaximumOfTheDenseLikelihood) {
  Numbers at_one;
  for (int np = 1; np <= 4; ++np) {
    SCOPED_TRACE(np);
    const Outcome outcome = run(np, job());
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    const Result result(path("results/out.h5"));
    if (np == 1) {
      at_one = estimates(result);
      expect_maximum(result, {y_}, false);
    }
    EXPECT_LT(oracle::relative_error(estimates(result), at_one), 1e-9);
    const Numbers at = estimates(result);
    const Numbers trend = oracle::multiply(design(), Numbers(at.begin() + 3, at.end() - 1));
    const Numbers expectation = oracle::solve(dense(at[0], at[1], at[2]), trend);
    EXPECT_LT(oracle::relative_error(result.values("/fitted/trend"), trend), 1e-12);
    EXPECT_LT(oracle::relative_error(result.values("/fitted/expectation"), expectation), 1e-12);
    EXPECT_LT(oracle::relative_error(result.values("/residual"), minus(y_, expectation)), 1e-12);
    EXPECT_EQ(result.shape("/residual"), (std::vector<std::int64_t>{origins, destinations}));
    EXPECT_EQ(result.number("/report", "converged"), 1);
    EXPECT_LT(result.number("/report", "relative_residual"), 1e-13);
    const double k = 9;
    const double likelihood = result.value("/log_likelihood");
    EXPECT_NEAR(result.value("/aic"), 2 * k - 2 * likelihood, 1e-10);
    EXPECT_NEAR(result.value("/bic"), k * std::log(35.0) - 2 * likelihood, 1e-10);
    double y_mean = 0, e_mean = 0;
    for (std::size_t i = 0; i < y_.size(); ++i) {
      y_mean += y_[i] / 35;
      e_mean += expectation[i] / 35;
    }
    double ye = 0, yy = 0, ee = 0;
    for (std::size_t i = 0; i < y_.size(); ++i) {
      ye += (y_[i] - y_mean) * (expectation[i] - e_mean);
      yy += (y_[i] - y_mean) * (y_[i] - y_mean);
      ee += (expectation[i] - e_mean) * (expectation[i] - e_mean);
    }
    EXPECT_NEAR(result.value("/r2"), ye * ye / (yy * ee), 1e-12);
    EXPECT_NE(outcome.output.find("kron(1, W*x) = "), std::string::npos) << outcome.output;
    const Numbers history = result.values("/history");
    EXPECT_LT(history.front(), history.back());
  }
}

TEST_F(FlowFit, OfErrorsIsTheMaximumToo) {
  ASSERT_EQ(run(3, job("acts_on: errors\n")).code, 0);
  const Result result(path("results/out.h5"));
  expect_maximum(result, {y_}, true);
  EXPECT_EQ(result.values("/fitted/expectation"), result.values("/fitted/trend"));
  // Generalised least squares with AᵀA.
  const Numbers at = estimates(result);
  const Matrix a = dense(at[0], at[1], at[2]);
  const Matrix weight = oracle::multiply(oracle::transpose(a), a);
  const Matrix weighted = oracle::multiply(oracle::transpose(design()), weight);
  const Numbers delta =
      oracle::solve(oracle::multiply(weighted, design()), oracle::multiply(weighted, y_));
  EXPECT_LT(oracle::relative_error(Numbers(at.begin() + 3, at.end() - 1), delta), 1e-10);
}

TEST_F(FlowFit, SharesItsParametersBetweenYears) {
  const Numbers second = oracle::random_vector(cells, 22);
  Numbers both = y_;
  both.insert(both.end(), second.begin(), second.end());
  put("/years", {2, origins, destinations}, both);
  ASSERT_EQ(run(2, job("", "/years")).code, 0);
  const Result result(path("results/out.h5"));
  expect_maximum(result, {y_, second}, false);
  EXPECT_EQ(result.shape("/residual"), (std::vector<std::int64_t>{2, origins, destinations}));
}

TEST_F(FlowFit, GivesTheLikelihoodOfTheValuesInTheFile) {
  Numbers counts;
  double jacobian = 0;
  for (const double value : y_) {
    counts.push_back(std::floor(20 * (value + 1)));
    jacobian -= std::log1p(counts.back());
  }
  put("/counts", {origins, destinations}, counts);
  const std::string transformed =
      replaced(job("", "/counts"), "dataset: /counts", "dataset: /counts, transform: log1p");
  ASSERT_EQ(run(2, transformed).code, 0);
  const double without = Result(path("results/out.h5")).value("/log_likelihood");
  ASSERT_EQ(run(2, transformed + "jacobian: true\n").code, 0);
  const Result result(path("results/out.h5"));
  EXPECT_NEAR(result.value("/log_likelihood"), without + jacobian, 1e-9);
}

TEST_F(FlowFit, HoldsBoundsAndTakesPriors) {
  const Outcome outcome = run(2, replaced(job(), "rho_o: {}",
                                          "rho_o: {lower: -0.01, upper: 0.15, prior: \"normal(3, "
                                          "0.1)\"}"));
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  const Result result(path("results/out.h5"));
  EXPECT_NEAR(result.value("/parameters/rho_o"), 0.15, 1e-12);
  EXPECT_FALSE(result.has("/standard_error/rho_o"));
  EXPECT_TRUE(result.has("/standard_error/rho_d"));
  EXPECT_NE(outcome.output.find("(on its bound)"), std::string::npos) << outcome.output;
  EXPECT_NEAR(result.value("/objective") - result.value("/log_likelihood"),
              -0.5 * 28.5 * 28.5 - std::log(0.1 * std::sqrt(2 * std::numbers::pi)), 1e-6);
}

TEST_F(FlowFit, FindsTheSameMaximumFromRandomStarts) {
  ASSERT_EQ(run(2, replaced(job(), "fit: {", "fit: {starts: 3, ")).code, 0);
  const Result result(path("results/out.h5"));
  const Numbers objectives = result.values("/starts/objective");
  ASSERT_EQ(objectives.size(), 3U);
  for (const double objective : objectives) EXPECT_NEAR(objective, objectives[0], 1e-9);
}

TEST_F(FlowFit, IntegratesMissingFlowsOut) {
  const std::vector<std::size_t> missing{0, 3, 9, 20, 33, 34};
  Numbers holes = y_;
  Numbers mask(y_.size(), 1.0);
  for (const std::size_t cell : missing) {
    holes[cell] = std::nan("");
    mask[cell] = 0;
  }
  put("/holes", {origins, destinations}, holes);
  put("/mask", {origins, destinations}, mask);
  ASSERT_EQ(
      run(3, replaced(job("", "/holes"), "dataset: /holes", "dataset: /holes, missing: nan")).code,
      0);
  const Result result(path("results/out.h5"));
  // The density of the observed flows alone.
  const Numbers at = estimates(result);
  const Matrix inverse = oracle::inverse(dense(at[0], at[1], at[2]));
  const Matrix covariance = oracle::multiply(inverse, oracle::transpose(inverse));
  const Numbers mean =
      oracle::multiply(inverse, oracle::multiply(design(), Numbers(at.begin() + 3, at.end() - 1)));
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < y_.size(); ++i) {
    if (mask[i] != 0) kept.push_back(i);
  }
  const auto n = std::ssize(kept);
  Matrix part(n, n);
  Numbers residual;
  for (std::int64_t i = 0; i < n; ++i) {
    const std::size_t cell = kept[static_cast<std::size_t>(i)];
    residual.push_back(y_[cell] - mean[cell]);
    for (std::int64_t j = 0; j < n; ++j) {
      part(i, j) = covariance(static_cast<std::int64_t>(cell),
                              static_cast<std::int64_t>(kept[static_cast<std::size_t>(j)]));
    }
  }
  EXPECT_NEAR(result.value("/log_likelihood"),
              -0.5 * (oracle::log_abs_det(part) +
                      static_cast<double>(n) * std::log(2 * std::numbers::pi * at.back()) +
                      dot(residual, oracle::solve(part, residual)) / at.back()),
              1e-10);
  for (const char* name : {"rho_o", "rho_d", "rho_w"}) {
    EXPECT_NEAR(result.value(std::string("/gradient/") + name), 0, 1e-4);
  }
  EXPECT_TRUE(std::isnan(result.values("/residual")[33]));
  EXPECT_FALSE(std::isnan(result.values("/residual")[32]));
  // A mask says the same.
  ASSERT_EQ(run(2, replaced(job(), "dataset: /y",
                            "dataset: /y, mask: {file: flows.h5, dataset: "
                            "/mask}"))
                .code,
            0);
  EXPECT_LT(oracle::relative_error(estimates(Result(path("results/out.h5"))), at), 1e-9);
}

TEST_F(FlowFit, OfFlightsGivesTheFiguresOfItsReadme) {
  const char* source = std::getenv("KRONWERK_SOURCE_DIR");
  ASSERT_NE(source, nullptr);
  const auto outcome =
      kronwerk(3, fmt::format("run {}/configs/flow-fit/flow-fit.yaml --set output.file={}", source,
                              path("out.h5").string()));
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  const Result result(path("out.h5"));
  EXPECT_NEAR(result.value("/log_likelihood"), -154237.4347, 1e-4);
  EXPECT_NEAR(result.value("/parameters/rho_o"), 0.523773, 1e-6);
  EXPECT_NEAR(result.value("/parameters/rho_d"), 0.523585, 1e-6);
  EXPECT_NEAR(result.value("/parameters/rho_w"), -0.406529, 1e-6);
  EXPECT_NEAR(result.values("/coefficients")[12], -0.125365, 1e-6);

  const auto effects = kronwerk(
      3, fmt::format("run {}/configs/flow-fit/effects.yaml --set parameters.file={} --set draws=20 "
                     "--set output.file={}",
                     source, path("out.h5").string(), path("effects.h5").string()));
  ASSERT_EQ(effects.code, 0) << effects.errors;
  const Result of(path("effects.h5"));
  EXPECT_NEAR(of.value("/mean_effect/origin"), -45.4208, 2e-4);
  EXPECT_NEAR(of.value("/mean_effect/network"), 178.3698, 2e-4);
  EXPECT_NEAR(of.value("/mean_effect/total"), 87.5856, 2e-4);
  EXPECT_GT(of.value("/mean_standard_error/total"), 5);
}

TEST_F(FlowFit, OfCanadianMigrationGivesTheFiguresOfItsReadme) {
  const char* source = std::getenv("KRONWERK_SOURCE_DIR");
  ASSERT_NE(source, nullptr);
  const auto outcome =
      kronwerk(2, fmt::format("run {}/configs/migration/gaussian.yaml --set output.file={}", source,
                              path("out.h5").string()));
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  const Result result(path("out.h5"));
  EXPECT_NEAR(result.value("/log_likelihood"), -132.946764, 5e-7);
  EXPECT_NEAR(result.value("/parameters/rho_o"), 0.102362, 5e-7);
  EXPECT_NEAR(result.value("/parameters/rho_d"), -0.035944, 5e-7);
  EXPECT_NEAR(result.value("/parameters/rho_w"), 0.064863, 5e-7);
  EXPECT_NEAR(result.values("/coefficients")[4], -0.904319, 5e-7);
  EXPECT_NEAR(result.values("/standard_error/coefficients")[4], 0.129761, 5e-7);
  EXPECT_NEAR(result.value("/sigma2"), 0.830628, 5e-7);
}

}  // namespace
}  // namespace kronwerk::end_to_end
