// Draws from flow models, effects and predictions with them.
#include "end_to_end/flows/flow.hpp"

namespace kronwerk::end_to_end {
namespace {

class FlowTasks : public FlowTest {
 protected:
  /// The model of job(), known, for another task.
  static std::string known(const std::string& task, const std::string& rest) {
    std::string text = replaced(job(rest), "task: fit", "task: " + task);
    text =
        replaced(text, "\"grid(g)\"]", "\"grid(g)\"]\n  coefficients: [1.2, 0.5, -0.4, 0.3, 0.2]");
    text = replaced(text, "fit: {parameters: {rho_o: {}, rho_d: {}, rho_w: {}}}\n", "");
    if (task == "predict") return text;
    return replaced(text, "observations: {file: flows.h5, dataset: /y}\n", "");
  }
  Numbers trend() const { return oracle::multiply(design(), Numbers{1.2, 0.5, -0.4, 0.3, 0.2}); }
  Numbers result_of(int np, const std::string& text, const std::string& dataset) {
    const Outcome outcome = run(np, text);
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    return Result(path("results/out.h5")).values(dataset);
  }
};

TEST_F(FlowTasks, DrawGaussianFlowsWithTheirVariance) {
  const std::string text = known("sample", "sigma2: 0.49\ndraws: 300\nseed: 5\n");
  const Numbers draws = result_of(1, text, "/result");
  ASSERT_EQ(draws.size(), 300U * cells);
  EXPECT_LT(oracle::relative_error(result_of(3, text, "/result"), draws), 1e-12);
  // A y - Zδ is ε.
  const Matrix a = dense(0.1, 0.1, 0);
  const Numbers mean = trend();
  double sum = 0, square = 0;
  for (std::size_t draw = 0; draw < 300; ++draw) {
    const Numbers e = oracle::multiply(a, std::span(draws).subspan(draw * cells, cells));
    for (std::size_t i = 0; i < e.size(); ++i) {
      sum += e[i] - mean[i];
      square += (e[i] - mean[i]) * (e[i] - mean[i]);
    }
  }
  const double count = 300.0 * cells;
  EXPECT_NEAR(sum / count, 0, 5 * 0.7 / std::sqrt(count));
  EXPECT_NEAR(square / count, 0.49, 5 * 0.49 * std::sqrt(2 / count));
}

TEST_F(FlowTasks, DrawCountsWithTheirMean) {
  const std::string text = known("sample", "family: negative_binomial\ntheta: 2.5\ndraws: 400\n");
  const Numbers draws = result_of(2, text, "/result");
  EXPECT_EQ(result_of(1, text, "/result"), draws);
  const Numbers eta = oracle::solve(dense(0.1, 0.1, 0), trend());
  for (const std::size_t i : {0U, 17U, 34U}) {
    double mean = 0;
    for (std::size_t draw = 0; draw < 400; ++draw) mean += draws[draw * cells + i] / 400;
    const double lambda = std::exp(eta[i]);
    EXPECT_NEAR(mean, lambda, 5 * std::sqrt((lambda + lambda * lambda / 2.5) / 400));
  }
  const Outcome outcome = run(1, known("sample", "family: negative_binomial\n"));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.errors.find("give 'theta', or the result of a fit"), std::string::npos)
      << outcome.errors;
}

TEST_F(FlowTasks, PredictWhatWasNotObserved) {
  const Numbers left_out = result_of(2, known("predict", ""), "/leave_one_out");
  ASSERT_EQ(left_out.size(), static_cast<std::size_t>(cells));
  Numbers y = y_;
  y[4] = std::nan("");
  put("/y", {origins, destinations}, y);
  const std::string missing =
      replaced(known("predict", ""), "dataset: /y}", "dataset: /y, missing: nan}");
  // With only this flow unobserved it is what leaving it out predicts.
  const Numbers predicted = result_of(3, missing, "/predicted");
  EXPECT_NEAR(predicted[4], left_out[4], 1e-8);
  EXPECT_EQ(predicted[5], y_[5]);
  const Numbers expectation = oracle::solve(dense(0.1, 0.1, 0), trend());
  EXPECT_LT(oracle::relative_error(result_of(1, missing, "/fitted/expectation"), expectation),
            1e-12);
  const Outcome outcome = run(2, known("predict", ""));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.errors.find("missing: nan"), std::string::npos) << outcome.errors;
}

TEST_F(FlowTasks, PredictEveryFlowFromTheOthersOfItsYear) {
  Numbers years = oracle::random_vector(2 * cells, 33);
  put("/years", {2, origins, destinations}, years);
  const std::string complete = replaced(known("predict", ""), "dataset: /y}", "dataset: /years}");
  const Numbers all = result_of(2, complete, "/leave_one_out");
  ASSERT_EQ(all.size(), years.size());
  years[7] = std::nan("");
  put("/years", {2, origins, destinations}, years);
  Numbers mask(cells, 1.0);
  mask[7] = 0;
  mask[20] = 0;
  put("/mask", {origins, destinations}, mask);
  const std::string masked = replaced(complete, "dataset: /years}",
                                      "dataset: /years, mask: {file: flows.h5, dataset: /mask}}");
  const Numbers some = result_of(1, masked, "/leave_one_out");
  EXPECT_LT(oracle::relative_error(result_of(3, masked, "/leave_one_out"), some), 1e-9);
  // Flow 8 given all others but 7 and 20, by the joint precision.
  const Matrix a = dense(0.1, 0.1, 0);
  const Matrix covariance = oracle::inverse(oracle::multiply(oracle::transpose(a), a));
  const Numbers mean = oracle::solve(a, trend());
  for (std::size_t year = 0; year < 2; ++year) {
    std::vector<std::int64_t> given;
    for (std::int64_t i = 0; i < cells; ++i) {
      if (i != 7 && i != 8 && i != 20) given.push_back(i);
    }
    const auto count = static_cast<std::int64_t>(given.size());
    Matrix gram(count, count);
    Numbers rest, with;
    for (std::int64_t i = 0; i < count; ++i) {
      const auto at = static_cast<std::size_t>(given[static_cast<std::size_t>(i)]);
      rest.push_back(years[year * cells + at] - mean[at]);
      with.push_back(covariance(8, static_cast<std::int64_t>(at)));
      for (std::int64_t j = 0; j < count; ++j) {
        gram(i, j) = covariance(static_cast<std::int64_t>(at), given[static_cast<std::size_t>(j)]);
      }
    }
    const Numbers weights = oracle::solve(gram, rest);
    double expected = mean[8];
    for (std::size_t i = 0; i < weights.size(); ++i) expected += with[i] * weights[i];
    EXPECT_NEAR(some[year * cells + 8], expected, 1e-8);
  }
  const Outcome sparse = run(2, replaced(masked, "dataset: /mask", "dataset: /V"));
  EXPECT_EQ(sparse.code, 2);
}

TEST_F(FlowTasks, PredictCounts) {
  const std::string text = known("predict", "family: poisson\n");
  const std::string without = replaced(text, "observations: {file: flows.h5, dataset: /y}\n", "");
  const Numbers eta = oracle::solve(dense(0.1, 0.1, 0), trend());
  const Numbers found = result_of(3, without, "/fitted/linear_predictor");
  EXPECT_LT(oracle::relative_error(found, eta), 1e-12);
  EXPECT_FALSE(Result(path("results/out.h5")).has("/predicted"));
  Numbers exposure = oracle::random_vector(cells, 14), counts;
  for (double& value : exposure) value = 2 + value;
  for (std::size_t i = 0; i < eta.size(); ++i) counts.push_back(static_cast<double>(i % 4));
  counts[6] = std::nan("");
  exposure[6] = 0;
  put("/n", {origins, destinations}, counts);
  put("/people", {origins, destinations}, exposure);
  const std::string observed = replaced(text, "dataset: /y}", "dataset: /n, missing: nan}") +
                               "exposure: {file: flows.h5, dataset: /people}\n";
  const Numbers means = result_of(2, observed, "/fitted/expectation");
  const Result result(path("results/out.h5"));
  const Numbers predicted = result.values("/predicted"), residual = result.values("/residual");
  for (std::size_t i = 0; i < eta.size(); ++i) {
    EXPECT_NEAR(means[i], exposure[i] * std::exp(eta[i]), 1e-12 * std::exp(eta[i]));
    EXPECT_EQ(predicted[i], i == 6 ? means[i] : counts[i]);
    if (i == 6) continue;
    EXPECT_NEAR(residual[i], counts[i] - means[i], 1e-14 * (1 + means[i]));
  }
  EXPECT_TRUE(std::isnan(residual[6]));
  EXPECT_EQ(result.number("/report", "unobserved_flows"), 1);
  const Outcome outcome = run(2, replaced(observed, ", missing: nan", ""));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.errors.find("missing: nan"), std::string::npos) << outcome.errors;
}

TEST_F(FlowTasks, FindEffectsOfAFit) {
  const char* source = std::getenv("KRONWERK_SOURCE_DIR");
  ASSERT_NE(source, nullptr);
  ASSERT_EQ(kronwerk(2, fmt::format("run {}/configs/migration/gaussian.yaml --set output.file={}",
                                    source, path("fit.h5").string()))
                .code,
            0);
  const auto effects = [&](const std::string& parameters, const std::string& attribute) {
    return run(2, fmt::format(R"yaml(task: effects
parameters: {{file: fit.h5{0}}}
filter: "kron(I, I) - rho_o*kron(W, I) - rho_d*kron(I, W) - rho_w*kron(W, W)"
matrices:
  W: {{file: {1}, dataset: /W}}
  population: {{file: {1}, dataset: /log/population_1966}}
  distance: {{file: {1}, dataset: /log_distance}}
mean:
  columns: ["kron(1, 1)", "diagonal(1)", "kron(population, 1)", "kron(1, population)", "grid(distance)"]
attribute: {2}
draws: 200
output: {{file: results/out.h5, overwrite: true}}
)yaml",
                              parameters, std::string(source) + "/configs/migration/migration.h5",
                              attribute));
  };
  Outcome outcome = effects("", "population");
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  const Result found(path("results/out.h5"));
  const Numbers total = found.values("/effects/total");
  ASSERT_EQ(total.size(), 10U);
  for (std::size_t r = 0; r < 10; ++r) {
    EXPECT_NEAR(found.values("/effects/origin")[r] + found.values("/effects/destination")[r] +
                    found.values("/effects/intra")[r] + found.values("/effects/network")[r],
                total[r], 1e-11);
  }
  EXPECT_EQ(found.number("/report", "grid_solves"), 0);
  EXPECT_GT(found.value("/mean_standard_error/origin"), 0.1);
  EXPECT_LT(found.value("/mean_standard_error/origin"), 10);
  // Without interaction a region's own flows change, those from and to it.
  outcome = effects(", rho_o: 0, rho_d: 0, rho_w: 0", "population");
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  const Result plain(path("results/out.h5"));
  const Numbers delta = Result(path("fit.h5")).values("/coefficients");
  EXPECT_NEAR(plain.values("/effects/origin")[3], 9 * delta[2], 1e-10);
  EXPECT_NEAR(plain.values("/effects/destination")[3], 9 * delta[3], 1e-10);
  EXPECT_NEAR(plain.values("/effects/intra")[3], delta[2] + delta[3], 1e-10);
  EXPECT_NEAR(plain.values("/effects/network")[3], 0, 1e-10);
  outcome = effects("", "distance");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.errors.find("no column of the mean has the attribute 'distance'"),
            std::string::npos)
      << outcome.errors;
}

}  // namespace
}  // namespace kronwerk::end_to_end
