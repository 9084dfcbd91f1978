// Fits of Gaussian models to data drawn from them.
#include <numbers>

#include "end_to_end/gaussian/gaussian.hpp"

namespace kronwerk::end_to_end {
namespace {

const std::set<std::string> fitted{"eta", "ls_s", "mu", "sigma"};
constexpr std::int64_t draws = 40;
const std::string four = "fit:\n  parameters: {eta: {}, ls_s: {}, sigma: {}, mu: {lower: -10}}\n";

class Fit : public GaussianTest {
 protected:
  void SetUp() override {
    GaussianTest::SetUp();
    if (program_.empty()) return;
    data_ =
        result_of(2, job("sample", fmt::format("draws: {}\nseed: 12\n", draws))).values("/result");
    put("/drawn", {draws, 5, 3}, data_);
    std::filesystem::remove(path("results/out.h5"));
  }

  /// A fit that starts away from the truth.
  static std::string fit(const std::string& request) {
    std::string text = observing("fit", "/drawn", request);
    text = replaced(text, "eta: 1.3", "eta: 0.6");
    text = replaced(text, "ls_s: 0.9", "ls_s: 0.4");
    text = replaced(text, "sigma: 0.4", "sigma: 1.1");
    return replaced(text, "mu: 0.5", "mu: -0.3");
  }
  static std::filesystem::path checkpoint_of(const std::filesystem::path& folder) {
    return folder / "results/out.h5.state/journal";
  }

  /// Ends a fit of so many starts that it does not come to its end, when it has begun to keep what
  /// it finds.
  void run_to_its_journal() {
    write_text(path("job.yaml"), fit(four + "  starts: 1000\n"));
    shell(
        fmt::format("timeout -k 5 300 {} & job=$!; for i in $(seq 6000); do [ -s "
                    "results/out.h5.state/journal ] && break; sleep 0.02; done; kill -TERM {}; "
                    "wait $job",
                    command(2, "run job.yaml"), own_launcher));
    ASSERT_TRUE(std::filesystem::exists(checkpoint_of(directory_)));
  }

  double log_density(const Values& p) const {
    double sum = 0;
    const oracle::Matrix inverse = oracle::inverse(covariance(p));
    const double constant = oracle::log_density(covariance(p), Numbers(cells, 0.0));
    for (std::int64_t o = 0; o < draws; ++o) {
      const Numbers residual = shifted(piece(data_, o, cells), -p.at("mu"));
      sum += constant - dot(residual, oracle::multiply(inverse, residual)) / 2;
    }
    return sum;
  }
  static Values parameters_of(const Result& result) {
    Values values;
    for (const auto& [name, value] : truth) values[name] = result.value("/parameters/" + name);
    return values;
  }

  Numbers data_;
};

TEST_F(Fit, RecoversTheParametersFromEveryStart) {
  std::string found;
  for (const int np : {1, 3}) {
    SCOPED_TRACE(np);
    const Outcome outcome = run(np, fit(four + "  starts: 3\n"));
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    EXPECT_FALSE(std::filesystem::exists(checkpoint_of(directory_)));
    const Result result(path("results/out.h5"));
    const Values at = parameters_of(result);
    EXPECT_EQ(at.at("ls_t"), truth.at("ls_t"));
    for (const std::string& name : fitted) {
      const double error = result.value("/standard_error/" + name);
      EXPECT_GT(error, 0);
      EXPECT_LT(error, 0.5) << name;
      EXPECT_NEAR(at.at(name), truth.at(name), 3 * error) << name;
    }
    EXPECT_NEAR(result.value("/log_density"), log_density(at), 1e-8);
    EXPECT_LT(result.number("/report", "relative_residual"), 1e-10);
    EXPECT_EQ(result.number("/report", "converged"), 1);
    for (const auto& [name, slope] :
         differences([&](const Values& p) { return log_density(p); }, at, fitted)) {
      EXPECT_NEAR(slope, 0, 0.05) << name;
      EXPECT_NEAR(result.value("/gradient/" + name), slope, 1e-4) << name;
    }
    const Numbers objectives = result.values("/starts/objective");
    ASSERT_EQ(objectives.size(), 3U);
    for (const double objective : objectives) EXPECT_NEAR(objective, objectives[0], 1e-5);
    EXPECT_EQ(result.values("/starts/converged"), Numbers(3, 1.0));
    EXPECT_EQ(result.shape("/starts/parameters"), (std::vector<std::int64_t>{3, 4}));
    EXPECT_EQ(result.shape("/parameter_covariance"), (std::vector<std::int64_t>{4, 4}));
    EXPECT_EQ(result.number("/report", "converged"), 1);
    const Numbers history = result.values("/history");
    EXPECT_LT(history.front(), history.back());
    const auto first = outcome.output.find("eta = 0.6");
    EXPECT_NE(first, std::string::npos) << outcome.output;
  }
}

TEST_F(Fit, GivesStandardErrorsOfTheObservedInformation) {
  ASSERT_EQ(run(2, fit("fit: {parameters: {eta: {}, sigma: {}}}\n")).code, 0);
  const Result result(path("results/out.h5"));
  const Values at = parameters_of(result);
  const std::vector<std::string> names{"eta", "sigma"};
  oracle::Matrix information(2, 2);
  constexpr double step = 1e-3;
  for (std::int64_t a = 0; a < 2; ++a) {
    for (std::int64_t b = 0; b < 2; ++b) {
      const auto moved = [&](double by_a, double by_b) {
        Values p = at;
        p[names[static_cast<std::size_t>(a)]] += by_a * step;
        p[names[static_cast<std::size_t>(b)]] += by_b * step;
        return log_density(p);
      };
      information(a, b) =
          -(moved(1, 1) - moved(1, -1) - moved(-1, 1) + moved(-1, -1)) / (4 * step * step);
    }
  }
  const oracle::Matrix expected = oracle::inverse(information);
  EXPECT_LT(oracle::relative_error(result.values("/parameter_covariance"), expected.values), 1e-3);
  EXPECT_NEAR(result.value("/standard_error/eta"), std::sqrt(expected(0, 0)), 1e-4);
}

TEST_F(Fit, GivesParametersThatTheNextJobUses) {
  ASSERT_EQ(run(2, fit(four)).code, 0);
  std::filesystem::rename(path("results/out.h5"), path("fit.h5"));
  const Result fit_result(path("fit.h5"));
  std::string next = observing("logpdf", "/drawn", "gradient: {parameters: [eta, ls_s]}\n");
  const std::size_t begin = next.find("parameters: {");
  next.replace(begin, next.find('\n') < begin ? next.find('\n', begin) - begin : 0,
               "parameters: {file: fit.h5}");
  const Result result = result_of(3, next);
  double sum = 0;
  for (const double value : result.values("/result")) sum += value;
  EXPECT_NEAR(sum, fit_result.value("/log_density"), 1e-8);
  // What stands in the configuration wins.
  const Result other = result_of(1, replaced(next, "{file: fit.h5}", "{file: fit.h5, sigma: 0.9}"));
  Values changed = parameters_of(fit_result);
  changed["sigma"] = 0.9;
  sum = 0;
  for (const double value : other.values("/result")) sum += value;
  EXPECT_NEAR(sum, log_density(changed), 1e-8);
}

TEST_F(Fit, MaximisesThePosteriorDensityWithPriorsAndBounds) {
  const std::string request = R"yaml(fit:
  parameters:
    eta: {prior: "normal(3, 0.1)"}
    ls_s: {upper: 0.5}
    sigma: {prior: "gamma(2, 30)"}
)yaml";
  const Result result = result_of(2, fit(request));
  const Values at = parameters_of(result);
  const auto objective = [&](const Values& p) {
    return log_density(p) - std::pow((p.at("eta") - 3) / 0.1, 2) / 2 + std::log(p.at("sigma")) -
           30 * p.at("sigma");
  };
  const Values slopes = differences(objective, at, {"eta", "ls_s", "sigma"});
  EXPECT_NEAR(slopes.at("eta"), 0, 0.05);
  EXPECT_NEAR(slopes.at("sigma"), 0, 0.05);
  EXPECT_NEAR(at.at("ls_s"), 0.5, 1e-9);
  EXPECT_GT(slopes.at("ls_s"), 1);
  EXPECT_FALSE(result.has("/standard_error/ls_s"));
  EXPECT_TRUE(result.has("/standard_error/eta"));
  EXPECT_NEAR(result.value("/log_density"), log_density(at), 1e-8);
  const double constants = -std::log(0.1 * std::sqrt(2 * std::numbers::pi)) + 2 * std::log(30.0);
  EXPECT_NEAR(result.value("/objective"), objective(at) + constants, 1e-8);
}

TEST_F(Fit, WithMissingCells) {
  Numbers gaps = data_;
  for (std::size_t i = 0; i < gaps.size(); ++i) {
    if (i % cells == 4 || i % cells == 9) gaps[i] = std::nan("");
  }
  put("/gaps", {draws, 5, 3}, gaps);
  std::string text = replaced(fit(four), "/drawn", "/gaps, missing: nan");
  const Result result = result_of(2, text);
  for (const std::string& name : fitted) {
    EXPECT_NEAR(result.value("/parameters/" + name), truth.at(name),
                3 * result.value("/standard_error/" + name))
        << name;
  }
}

TEST_F(Fit, ThatDoesNotConvergeKeepsTheBestPoint) {
  const Outcome outcome = run(2, fit(four + "  max_iterations: 1\n"));
  EXPECT_EQ(outcome.code, 3) << outcome.errors;
  EXPECT_EQ(outcome.count("the fit did not converge"), 1) << outcome.errors;
  EXPECT_EQ(outcome.count("kronwerk: "), 1) << outcome.errors;
  const Result result(path("results/out.h5"));
  EXPECT_EQ(result.number("/report", "converged"), 0);
  EXPECT_EQ(result.values("/starts/converged"), Numbers(1, 0.0));
  EXPECT_NEAR(result.value("/log_density"), log_density(parameters_of(result)), 1e-8);
  EXPECT_GT(result.value("/log_density"), result.values("/history").front());
}

TEST_F(Fit, EndsWithTheSameBitsAfterKills) {
  const std::string text = fit(four + "  starts: 30\n");
  ASSERT_EQ(run(2, text).code, 0);
  std::filesystem::rename(path("results/out.h5"), path("whole.h5"));
  const Result whole(path("whole.h5"));
  int resumed = 0;
  for (int attempt = 0; attempt < 4; ++attempt) {
    // Killed without a word, the ranks too, some time after it has gone on.
    const Outcome outcome = shell(
        "touch mark; timeout -k 5 300 " + command(2, "run job.yaml") +
        fmt::format(" & job=$!; for i in $(seq 6000); do [ results/out.h5.state/journal -nt mark ] "
                    "&& break; "
                    "[ -e results/out.h5 ] && break; sleep 0.02; done; sleep {}; "
                    "kill -KILL {} {}; wait $job",
                    0.03 * attempt, own_launcher, own_ranks));
    if (std::filesystem::exists(path("results/out.h5"))) {
      // It was sooner than the kill, perhaps by less than it takes to remove the state.
      std::filesystem::remove_all(path("results"));
      resumed = 0;
      continue;
    }
    resumed += outcome.count("goes on from");
    EXPECT_TRUE(std::filesystem::exists(checkpoint_of(directory_)));
  }
  const Outcome last = kronwerk(2, "run job.yaml");
  ASSERT_EQ(last.code, 0) << last.errors;
  EXPECT_EQ(last.count("goes on from"), 1) << last.output;
  EXPECT_GT(resumed, 0) << "no run that had gone on was killed in its turn";
  EXPECT_FALSE(std::filesystem::exists(checkpoint_of(directory_)));
  for (const auto& entry : std::filesystem::directory_iterator(path("results"))) {
    EXPECT_EQ(entry.path().filename().string().find(".state"), std::string::npos) << entry.path();
  }
  const Result pieces(path("results/out.h5"));
  for (const std::string& name : fitted) {
    EXPECT_EQ(pieces.value("/parameters/" + name), whole.value("/parameters/" + name)) << name;
    EXPECT_EQ(pieces.value("/gradient/" + name), whole.value("/gradient/" + name)) << name;
    EXPECT_EQ(pieces.value("/standard_error/" + name), whole.value("/standard_error/" + name));
  }
  for (const std::string name :
       {"/starts/objective", "/starts/parameters", "/history", "/parameter_covariance"}) {
    EXPECT_EQ(pieces.values(name), whole.values(name)) << name;
  }
  EXPECT_EQ(pieces.number("/report", "evaluations"), whole.number("/report", "evaluations"));
}

TEST_F(Fit, RefusesToGoOnWithOtherData) {
  ASSERT_NO_FATAL_FAILURE(run_to_its_journal());
  // Other data under the same names.
  std::filesystem::remove(path("data.h5"));
  put("/s", {5}, space);
  put("/t", {3}, times);
  put("/drawn", {draws, 5, 3}, shifted(data_, 1));
  const Outcome outcome = kronwerk(2, "run job.yaml");
  EXPECT_EQ(outcome.code, 2) << outcome.output;
  EXPECT_EQ(outcome.count("data.h5: has changed since the job that is to go on was ended"), 1)
      << outcome.errors;
}

TEST_F(Fit, LeavesTheStateOfAnotherConfigurationAlone) {
  ASSERT_NO_FATAL_FAILURE(run_to_its_journal());
  const Outcome outcome = run(2, fit(four));
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_EQ(outcome.count("belongs to another configuration; the job begins anew"), 1);
  EXPECT_FALSE(std::filesystem::exists(checkpoint_of(directory_)));
}

}  // namespace
}  // namespace kronwerk::end_to_end
