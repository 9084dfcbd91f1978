// Fits with fixed effects of origins and destinations, and what other tasks make of them.
#include <numeric>

#include "end_to_end/flows/flow.hpp"

namespace kronwerk::end_to_end {
namespace {

class FlowFixedEffects : public FlowTest {
 protected:
  void SetUp() override {
    FlowTest::SetUp();
    if (program_.empty()) return;
    put_weights("/C", c_);
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      counts_[i] = std::floor(std::exp(1.8 + 1.3 * y_[i]));
    }
    put("/counts", {origins, destinations}, counts_);
  }

  /// A model with the effects, a product and a grid as columns; the weights' rows have equal sums
  /// where `equal`.
  static std::string effects_job(const std::string& effects, bool equal,
                                 const std::string& rest = "", const std::string& data = "/y") {
    std::string text = replaced(job(rest, data),
                                "\"kron(1, 1)\", \"kron(u, 1)\", \"kron(1, x)\", \"kron(1, W*x)\"",
                                effects + ", \"kron(u, x)\"");
    if (equal) {
      text = replaced(text, "dataset: /V}", "dataset: /C}");
    }
    return text;
  }

  /// The columns, and a dummy for every region but the first destination: (N, 13).
  Matrix dummy_design() const {
    Matrix z(cells, 13);
    for (std::int64_t at = 0; at < cells; ++at) {
      const std::int64_t i = at / destinations;
      const std::int64_t j = at % destinations;
      z(at, 0) = u_[static_cast<std::size_t>(i)] * x_[static_cast<std::size_t>(j)];
      z(at, 1) = g_[static_cast<std::size_t>(at)];
      z(at, 2 + i) = 1;
      if (j > 0) z(at, 6 + j) = 1;
    }
    return z;
  }
  Numbers sums_of_effects(const Result& result) const {
    const Numbers of_origins = result.values("/fixed_effects/origin");
    const Numbers of_destinations = result.values("/fixed_effects/destination");
    EXPECT_EQ(of_origins.size(), static_cast<std::size_t>(origins));
    EXPECT_EQ(of_destinations.size(), static_cast<std::size_t>(destinations));
    EXPECT_NEAR(std::accumulate(of_destinations.begin(), of_destinations.end(), 0.0), 0, 1e-10);
    const Numbers delta = result.values("/coefficients");
    const Matrix z = dummy_design();
    Numbers trend;
    for (std::int64_t at = 0; at < cells; ++at) {
      trend.push_back(of_origins[static_cast<std::size_t>(at / destinations)] +
                      of_destinations[static_cast<std::size_t>(at % destinations)] +
                      z(at, 0) * delta[0] + z(at, 1) * delta[1]);
    }
    return trend;
  }
  static Numbers rho_of(const Result& result) {
    return {result.value("/parameters/rho_o"), result.value("/parameters/rho_d"),
            result.value("/parameters/rho_w")};
  }

  Matrix c_ = weights("directed", origins);
  Numbers counts_ = Numbers(cells);
};

TEST_F(FlowFixedEffects, OfGaussianFlowsAreThoseOfTheDenseDesign) {
  Numbers at_one;
  for (int np = 1; np <= 4; ++np) {
    SCOPED_TRACE(np);
    const Outcome outcome = run(np, effects_job("origin, destination", false));
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    const Result result(path("results/out.h5"));
    const Numbers rho = rho_of(result);
    if (np == 1) at_one = rho;
    EXPECT_LT(oracle::relative_error(rho, at_one), 1e-9);
    const Matrix a = dense(rho[0], rho[1], rho[2]);
    const Matrix z = dummy_design();
    const Matrix zt = oracle::transpose(z);
    const Numbers filtered = oracle::multiply(a, y_);
    const Numbers delta = oracle::solve(oracle::multiply(zt, z), oracle::multiply(zt, filtered));
    const Numbers trend = oracle::multiply(z, delta);
    double squares = 0;
    for (std::size_t i = 0; i < trend.size(); ++i) {
      squares += (filtered[i] - trend[i]) * (filtered[i] - trend[i]);
    }
    const double likelihood =
        oracle::log_abs_det(a) - 17.5 * (1 + std::log(2 * std::numbers::pi * squares / 35));
    EXPECT_NEAR(result.value("/sigma2"), squares / 35, 1e-12);
    EXPECT_NEAR(result.value("/log_likelihood"), likelihood, 1e-10);
    // ρ, two coefficients, σ² and eleven effects.
    EXPECT_NEAR(result.value("/aic"), 2 * 17 - 2 * likelihood, 1e-9);
    EXPECT_NEAR(result.value("/bic"), 17 * std::log(35.0) - 2 * likelihood, 1e-9);
    EXPECT_EQ(result.number("/report", "absorbed_effects"), 11);
    EXPECT_LT(oracle::relative_error(sums_of_effects(result), trend), 1e-10);
    EXPECT_LT(oracle::relative_error(result.values("/fitted/trend"), trend), 1e-10);
    EXPECT_LT(oracle::relative_error(result.values("/fitted/expectation"), oracle::solve(a, trend)),
              1e-10);
    EXPECT_EQ(result.shape("/parameter_covariance"), (std::vector<std::int64_t>{6, 6}));
    EXPECT_NE(outcome.output.find("fixed effects of 5 origins and 7 destinations"),
              std::string::npos)
        << outcome.output;
  }
}

TEST_F(FlowFixedEffects, OfFilteredErrorsAreThoseOfTheDenseDesign) {
  ASSERT_EQ(run(3, effects_job("origin, destination", true, "acts_on: errors\n")).code, 0);
  const Result result(path("results/out.h5"));
  const Numbers rho = rho_of(result);
  Matrix a = oracle::identity(cells);
  a = oracle::add(1, a, -rho[0], oracle::kron(c_, oracle::identity(destinations)));
  a = oracle::add(1, a, -rho[1], oracle::kron(oracle::identity(origins), w_));
  a = oracle::add(1, a, -rho[2], oracle::kron(c_, w_));
  const Matrix z = dummy_design();
  const Matrix az = oracle::multiply(a, z);
  const Matrix weighted = oracle::transpose(az);
  const Numbers delta = oracle::solve(oracle::multiply(weighted, az),
                                      oracle::multiply(weighted, oracle::multiply(a, y_)));
  EXPECT_LT(oracle::relative_error(sums_of_effects(result), oracle::multiply(z, delta)), 1e-9);
  EXPECT_EQ(result.values("/fitted/expectation"), result.values("/fitted/trend"));
}

TEST_F(FlowFixedEffects, OfCountsMakeTheirTotals) {
  for (const char* family : {"poisson", "negative_binomial"}) {
    SCOPED_TRACE(family);
    const Outcome outcome =
        run(3, replaced(effects_job("origin, destination", true,
                                    std::string("family: ") + family + "\n", "/counts"),
                        "{rho_o: {}, rho_d: {}, rho_w: {}}", "{}"));
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    const Result result(path("results/out.h5"));
    const Numbers expectation = result.values("/fitted/expectation");
    if (std::string(family) == "poisson") {
      for (std::size_t i = 0; i < 5; ++i) {
        double sum = 0;
        for (std::size_t j = 0; j < 7; ++j) sum += expectation[i * 7 + j] - counts_[i * 7 + j];
        EXPECT_NEAR(sum, 0, 1e-8);
      }
      for (std::size_t j = 0; j < 7; ++j) {
        double sum = 0;
        for (std::size_t i = 0; i < 5; ++i) sum += expectation[i * 7 + j] - counts_[i * 7 + j];
        EXPECT_NEAR(sum, 0, 1e-8);
      }
    }
    EXPECT_LT(oracle::relative_error(result.values("/fitted/trend"), sums_of_effects(result)),
              1e-12);
    const Numbers rho = rho_of(result);
    Matrix a = oracle::identity(cells);
    a = oracle::add(1, a, -rho[0], oracle::kron(c_, oracle::identity(destinations)));
    a = oracle::add(1, a, -rho[1], oracle::kron(oracle::identity(origins), w_));
    a = oracle::add(1, a, -rho[2], oracle::kron(c_, w_));
    EXPECT_LT(oracle::relative_error(oracle::multiply(a, result.values("/fitted/linear_predictor")),
                                     sums_of_effects(result)),
              1e-9);
    EXPECT_GT(result.values("/robust_standard_error/coefficients")[1], 0);
  }
}

TEST_F(FlowFixedEffects, ReachOtherTasks) {
  ASSERT_EQ(run(2, effects_job("origin, destination", true)).code, 0);
  std::filesystem::copy_file(path("results/out.h5"), path("fit.h5"));
  const Result fit(path("fit.h5"));
  const auto with_fit = [&](std::string text, const std::string& task) {
    text = replaced(text, "task: fit", "task: " + task);
    text = replaced(text, "{rho_o: 0.1, rho_d: 0.1, rho_w: 0}", "{file: fit.h5}");
    return replaced(text, "fit: {parameters: {rho_o: {}, rho_d: {}, rho_w: {}}}\n", "");
  };
  const std::string predict = with_fit(effects_job("origin, destination", true), "predict");
  const Outcome outcome = run(3, predict);
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  const Result predicted(path("results/out.h5"));
  EXPECT_LT(oracle::relative_error(predicted.values("/fitted/expectation"),
                                   fit.values("/fitted/expectation")),
            1e-12);
  const std::string sample = replaced(with_fit(effects_job("origin, destination", true), "sample"),
                                      "observations: {file: flows.h5, dataset: /y}\n", "");
  ASSERT_EQ(run(2, replaced(sample, "output:", "sigma2: 1e-24\noutput:")).code, 0);
  EXPECT_LT(oracle::relative_error(Result(path("results/out.h5")).values("/result"),
                                   fit.values("/fitted/expectation")),
            1e-10);
  // σ² of the fit.
  EXPECT_EQ(run(2, sample).code, 0);
  std::filesystem::remove_all(path("results"));
  expect_refused(replaced(predict, "origin, destination, ", ""),
                 "has the fixed effects 'origin'; give them in 'mean.columns' as there");
  expect_refused(replaced(predict, "{file: fit.h5}", "{rho_o: 0.1, rho_d: 0.1, rho_w: 0}"),
                 "the fixed effects 'origin' come from the result of a fit that has them");
}

TEST_F(FlowFixedEffects, AreRefusedWhereTheyCannotBe) {
  expect_refused(effects_job("origin, origin", false), "'origin' stand twice");
  expect_refused(
      replaced(effects_job("origin", false), "kron(u, x)\"", "kron(u, x)\", \"kron(u, 1)\""),
      "the column 'kron(u, 1)' of the mean is a combination of the fixed effects "
      "'origin'");
  expect_refused(effects_job("destination", false, "acts_on: errors\n"),
                 "the fixed effects 'destination' are absorbed exactly where the rows of every "
                 "matrix of the origins in the filter have the same sum; those of 'V' have the "
                 "sums 1 (row 0) and 0 (row 4)");
  expect_refused(effects_job("destination", false, "family: poisson\n", "/counts"),
                 "those of 'V' have the sums 1 (row 0) and 0 (row 4)");
  Numbers holes = y_;
  holes[11] = std::nan("");
  put("/holes", {origins, destinations}, holes);
  expect_refused(replaced(effects_job("origin", false, "", "/holes"), "dataset: /holes",
                          "dataset: /holes, missing: nan"),
                 "the fixed effects of a Gaussian flow model are absorbed where all flows were "
                 "observed");
  Numbers none = counts_;
  for (std::size_t i = 3; i < none.size(); i += 7) none[i] = 0;
  put("/none", {origins, destinations}, none);
  expect_refused(effects_job("destination", true, "family: poisson\n", "/none"),
                 "the fixed effect of destination 3 has no finite estimate");
  const std::string text = effects_job("origin, destination", true, "family: poisson\n", "/counts");
  expect_refused(replaced(text, "kron(u, x)\"", "kron(u, x)\", \"kron(1, x)\""),
                 "column 'kron(1, x)' is a combination of the fixed effects");
}

}  // namespace
}  // namespace kronwerk::end_to_end
