// Fits of Poisson and negative binomial flow models.
#include "end_to_end/flows/flow.hpp"

namespace kronwerk::end_to_end {
namespace {

class FlowCounts : public FlowTest {
 protected:
  void SetUp() override {
    FlowTest::SetUp();
    if (program_.empty()) return;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      counts_[i] = std::floor(std::exp(1.2 + 1.3 * y_[i]));
      exposure_[i] = std::exp(0.4 * g_[i]);
      mask_[i] = i % 6 == 1 ? 0 : 1;
    }
    put("/counts", {origins, destinations}, counts_);
    put("/exposure", {origins, destinations}, exposure_);
    put("/mask", {origins, destinations}, mask_);
  }

  static std::string count_job(const std::string& family, const std::string& rest = "",
                               const std::string& observed = "/counts") {
    return job("family: " + family + "\n" + rest, observed);
  }

  /// At (ρ, δ), of the observed flows.
  double log_likelihood(const Numbers& at) const {
    const Numbers trend = oracle::multiply(design(), Numbers(at.begin() + 3, at.end()));
    const Numbers eta = oracle::solve(dense(at[0], at[1], at[2]), trend);
    double sum = 0;
    for (std::size_t i = 0; i < eta.size(); ++i) {
      if (mask_[i] == 0) continue;
      const double lambda = exposure_[i] * std::exp(eta[i]);
      sum += counts_[i] * std::log(lambda) - lambda - std::lgamma(counts_[i] + 1);
    }
    return sum;
  }

  static constexpr const char* observed_ = "exposure: {file: flows.h5, dataset: /exposure}\n";
  Numbers counts_ = Numbers(cells), exposure_ = Numbers(cells), mask_ = Numbers(cells);
};

TEST_F(FlowCounts, ArePoissonAtTheMaximumOfTheDenseLikelihood) {
  const std::string text = replaced(count_job("poisson", observed_), "dataset: /counts}",
                                    "dataset: /counts, mask: {file: flows.h5, dataset: /mask}}");
  Numbers at_one;
  for (const int np : {1, 3}) {
    const Outcome outcome = run(np, text);
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    const Result result(path("results/out.h5"));
    Numbers at;
    for (const char* name : {"rho_o", "rho_d", "rho_w"}) {
      at.push_back(result.value(std::string("/parameters/") + name));
    }
    for (const double value : result.values("/coefficients")) at.push_back(value);
    if (np == 1) at_one = at;
    EXPECT_LT(oracle::relative_error(at, at_one), 1e-7);
    EXPECT_NEAR(result.value("/log_likelihood"), log_likelihood(at), 1e-10);
    constexpr double step = 1e-5;
    for (std::size_t i = 0; i < at.size(); ++i) {
      Numbers up = at, down = at;
      up[i] += step;
      down[i] -= step;
      EXPECT_NEAR((log_likelihood(up) - log_likelihood(down)) / (2 * step), 0, 1e-4);
    }
    const Numbers trend = oracle::multiply(design(), Numbers(at.begin() + 3, at.end()));
    const Numbers eta = oracle::solve(dense(at[0], at[1], at[2]), trend);
    const Numbers expectation = result.values("/fitted/expectation");
    EXPECT_LT(oracle::relative_error(result.values("/fitted/linear_predictor"), eta), 1e-10);
    EXPECT_NEAR(expectation[2], exposure_[2] * std::exp(eta[2]), 1e-9);
    EXPECT_NEAR(result.values("/residual")[2], counts_[2] - expectation[2], 1e-9);
    EXPECT_EQ(result.number("/report", "observed_flows"), 29);
    const auto covariance = result.values("/parameter_covariance");
    EXPECT_NEAR(result.value("/standard_error/rho_d"), std::sqrt(covariance[0]), 1e-12);
    EXPECT_GT(result.value("/robust_standard_error/rho_d"), 0);
  }
}

TEST_F(FlowCounts, OfCanadianMigrationGiveTheFiguresOfItsReadme) {
  const char* source = std::getenv("KRONWERK_SOURCE_DIR");
  ASSERT_NE(source, nullptr);
  const auto fit = [&](const std::string& name) {
    const auto outcome =
        kronwerk(2, fmt::format("run {}/configs/migration/{}.yaml --set output.file={}", source,
                                name, path("out.h5").string()));
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    return Result(path("out.h5"));
  };
  const Result poisson = fit("poisson");
  EXPECT_NEAR(poisson.value("/log_likelihood"), -228931.827253, 5e-7);
  EXPECT_NEAR(poisson.value("/parameters/rho_o"), 0.120070, 5e-7);
  EXPECT_NEAR(poisson.value("/parameters/rho_d"), 0.357650, 5e-7);
  const Result binomial = fit("negative_binomial");
  EXPECT_NEAR(binomial.value("/log_likelihood"), -833.330827, 5e-7);
  EXPECT_NEAR(binomial.value("/theta"), 1.73026, 5e-6);  // a fit ends at 1e-5 of 0.237
}

TEST_F(FlowCounts, AreFittedByGradientsAloneToo) {
  const char* source = std::getenv("KRONWERK_SOURCE_DIR");
  ASSERT_NE(source, nullptr);
  for (const int np : {1, 3}) {
    const auto outcome =
        kronwerk(np, fmt::format("run {}/configs/migration/poisson.yaml --set output.file={} --set "
                                 "fit.method=quasi_newton",
                                 source, path("out.h5").string()));
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    const Result result(path("out.h5"));
    EXPECT_EQ(result.text("/report", "method").find("quasi-Newton"), 0U);
    EXPECT_NEAR(result.value("/log_likelihood"), -228931.827253, 5e-7);
    EXPECT_NEAR(result.value("/parameters/rho_o"), 0.120070, 1e-6);
    EXPECT_NEAR(result.value("/parameters/rho_d"), 0.357650, 1e-6);
    EXPECT_GT(result.value("/standard_error/rho_o"), 0);
  }
  expect_refused(replaced(job(""), "fit: {", "fit: {method: quasi_newton, "),
                 "'fit.method' is for counts of flows");
}

TEST_F(FlowCounts, WhoseMaximumIsWhereTheFilterIsSingularAreOnItsBorder) {
  // η stays finite while δ vanishes with q: the coefficient does not diverge, and no step has to be
  // halved.
  Matrix everyone(4, 4);
  for (std::int64_t i = 0; i < 4; ++i) {
    for (std::int64_t j = 0; j < 4; ++j) everyone(i, j) = i == j ? 0 : 1.0 / 3;
  }
  put_weights("/E", everyone);
  put("/a", {4}, {0.714, -0.462, 0.201, 0.689});
  put("/few", {4, 4}, {3, 4, 0, 4, 3, 2, 6, 5, 1, 6, 1, 3, 1, 5, 1, 1});
  const Outcome outcome = run(2, R"yaml(task: fit
family: poisson
filter: "kron(eye(4), I) - rho*kron(eye(4), E)"
parameters: {rho: 0.3}
matrices:
  E: {file: flows.h5, dataset: /E}
  a: {file: flows.h5, dataset: /a}
mean: {columns: ["kron(1, 1)", "diagonal(E*a)"]}
observations: {file: flows.h5, dataset: /few}
fit: {parameters: {rho: {}}}
output: results/out.h5
)yaml");
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  const Result result(path("results/out.h5"));
  EXPECT_NEAR(result.value("/parameters/rho"), -3, 1e-6);
  EXPECT_NEAR(result.value("/log_likelihood"), -30.6476056, 1e-6);
  EXPECT_EQ(result.number("/report", "at_border"), 1);
  EXPECT_LE(result.number("/report", "iterations"), 10) << outcome.output;
  EXPECT_GE(outcome.count("on the border of the feasible region"), 1) << outcome.errors;
}

TEST_F(FlowCounts, WithoutParametersGiveTheirCoefficientsToOtherTasks) {
  const std::string model =
      replaced(replaced(count_job("poisson"),
                        "kron(I, I) - rho_o*kron(V, I) - rho_d*kron(I, W) - rho_w*kron(V, W)",
                        "kron(eye(5), eye(7))"),
               "  V: {file: flows.h5, dataset: /V}\n", "");
  const std::string begin = "parameters: {rho_o: 0.1, rho_d: 0.1, rho_w: 0}\n";
  const std::string keys = "fit: {parameters: {rho_o: {}, rho_d: {}, rho_w: {}}}\n";
  const Outcome fit = run(2, replaced(replaced(model, begin, ""), keys, "fit: {parameters: {}}\n"));
  ASSERT_EQ(fit.code, 0) << fit.errors;
  const Numbers fitted = Result(path("results/out.h5")).values("/fitted/expectation");
  std::filesystem::rename(path("results/out.h5"), path("fit.h5"));
  const Outcome outcome =
      run(2, replaced(replaced(replaced(model, begin, "parameters: {file: fit.h5}\n"), keys, ""),
                      "task: fit", "task: predict"));
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  const Numbers predicted = Result(path("results/out.h5")).values("/fitted/expectation");
  EXPECT_LT(oracle::relative_error(predicted, fitted), 1e-12);
}

TEST_F(FlowCounts, WithFixedEffectsAloneHaveTheLogarithmsOfTheirMeans) {
  const Outcome outcome = run(2, R"yaml(task: fit
family: poisson
filter: "kron(eye(5), eye(7))"
mean: {columns: [origin]}
observations: {file: flows.h5, dataset: /counts}
fit: {parameters: {}}
output: results/out.h5
)yaml");
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  const Numbers effects = Result(path("results/out.h5")).values("/fixed_effects/origin");
  ASSERT_EQ(effects.size(), static_cast<std::size_t>(origins));
  for (std::size_t i = 0; i < effects.size(); ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < destinations; ++j) sum += counts_[i * destinations + j];
    EXPECT_NEAR(effects[i], std::log(sum / destinations), 1e-10);
  }
}

TEST_F(FlowCounts, ThatAreNoneAreRefused) {
  Numbers bad = counts_;
  bad[9] = -1;
  put("/negative", {origins, destinations}, bad);
  expect_refused(count_job("poisson", "", "/negative"),
                 "a count is negative in flows.h5:/negative at origin 1, destination 2");
  bad[9] = 1.5;
  put("/broken", {origins, destinations}, bad);
  expect_refused(count_job("poisson", "", "/broken"), "a count is no whole number");
  bad[9] = std::nan("");
  put("/missing", {origins, destinations}, bad);
  expect_refused(count_job("poisson", "", "/missing"), "missing: nan");
  put("/none", {origins, destinations}, Numbers(cells, std::nan("")));
  expect_refused(replaced(count_job("poisson", "", "/none"), "dataset: /none}",
                          "dataset: /none, missing: nan}"),
                 "not one flow of flows.h5:/none was observed");
  bad = exposure_;
  bad[34] = 0;
  put("/exposure", {origins, destinations}, bad);
  expect_refused(count_job("poisson", observed_), "an exposure is not a positive number");
  expect_refused(count_job("poisson", "acts_on: errors\n"), "'acts_on' is for the family gaussian");
  expect_refused(job(observed_), "'exposure' is for the families");
  // Nobody went to where v is 1.
  put("/x", {destinations}, {0, 0, 0, 1, 0, 0, 0});
  bad = counts_;
  for (std::size_t i = 3; i < bad.size(); i += 7) bad[i] = 0;
  put("/none", {origins, destinations}, bad);
  const std::string text = replaced(count_job("poisson", "", "/none"), "\"kron(1, W*x)\", ", "");
  expect_refused(replaced(replaced(text, "{rho_o: 0.1, rho_d: 0.1, rho_w: 0}",
                                   "{rho_o: 0, rho_d: 0, rho_w: 0}"),
                          "{parameters: {rho_o: {}, rho_d: {}, rho_w: {}}}", "{parameters: {}}"),
                 "the coefficient of 'kron(1, x)' diverges");
}

}  // namespace
}  // namespace kronwerk::end_to_end
