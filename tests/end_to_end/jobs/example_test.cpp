// The examples as they are, with the numbers that their READMEs promise, on one to four ranks.
#include <cmath>
#include <fstream>
#include <limits>

#include "end_to_end/program.hpp"

namespace kronwerk::end_to_end {
namespace {

class Example : public ProgramTest {
 protected:
  /// Runs configs/<name>/<name>.yaml (or <variant>.yaml) as it is, but with the result in the
  /// test's directory.
  std::filesystem::path run_example(const std::string& name, int np,
                                    const std::string& variant = "") const {
    const char* source = std::getenv("KRONWERK_SOURCE_DIR");
    EXPECT_NE(source, nullptr) << "KRONWERK_SOURCE_DIR names the directory of the sources";
    const std::string job = variant.empty() ? name : variant;
    const auto file = path(fmt::format("{}{}.h5", job, np));
    const auto outcome =
        kronwerk(np, fmt::format("run {}/configs/{}/{}.yaml --set output.file={}",
                                 source != nullptr ? source : "", name, job, file.string()));
    EXPECT_EQ(outcome.code, 0) << outcome.output << outcome.errors;
    return file;
  }
};

double norm(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return std::sqrt(sum);
}

/// Largest difference, relative to the largest entry of `expected`.
double difference(const std::vector<double>& actual, const std::vector<double>& expected) {
  if (actual.size() != expected.size()) return std::numeric_limits<double>::infinity();
  double largest = 0;
  double error = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    error = std::max(error, std::abs(actual[i] - expected[i]));
  }
  return error / largest;
}

TEST_F(Example, AFieldIsDrawnFittedAndPredicted) {
  const auto configs = std::string(std::getenv("KRONWERK_SOURCE_DIR")) + "/configs/field";
  const auto sample = run_example("field", 2, "sample").string();
  const auto fit = path("fit.h5").string(), prediction = path("prediction.h5").string();
  auto outcome = kronwerk(2, fmt::format("run {}/fit.yaml --set output.file={} --set "
                                         "observations.file={} --set fit.standard_errors=false",
                                         configs, fit, sample));
  ASSERT_EQ(outcome.code, 0) << outcome.output << outcome.errors;
  const Result fitted(fit);
  EXPECT_NEAR(fitted.value("/log_density"), -148.33351, 1e-4);
  EXPECT_NEAR(fitted.value("/parameters/eta"), 1.0609, 1e-3);
  EXPECT_NEAR(fitted.value("/parameters/sigma"), 0.19987, 1e-4);
  outcome = kronwerk(3, fmt::format("run {}/predict.yaml --set output.file={} --set "
                                    "observations.file={} --set parameters.file={}",
                                    configs, prediction, sample, fit));
  ASSERT_EQ(outcome.code, 0) << outcome.output << outcome.errors;
  EXPECT_NEAR(norm(Result(prediction).values("/mean")), 92.0186, 1e-3);
}

TEST_F(Example, FlightsGiveThePromisedNumbersOnAnyNumberOfRanks) {
  std::vector<double> expected;
  std::vector<double> expected_gradient;
  for (int np = 1; np <= 4; ++np) {
    const Result result(run_example("flights", np));
    EXPECT_EQ(result.shape("/result"), (std::vector<std::int64_t>{305, 305}));
    const auto values = result.values("/result");
    const auto gradient = result.values("/gradient/input");
    EXPECT_NEAR(norm(values), 746.1985612, 1e-7);
    EXPECT_NEAR(result.value("/gradient/rho_o"), 506410.13784, 1e-5);
    EXPECT_NEAR(result.value("/gradient/rho_d"), 585546.680134, 1e-5);
    EXPECT_LT(result.number("/report", "relative_residual"), 1e-14);
    if (np == 1) {
      expected = values;
      expected_gradient = gradient;
    }
    EXPECT_LT(difference(values, expected), 1e-13) << "np = " << np;
    EXPECT_LT(difference(gradient, expected_gradient), 1e-13) << "np = " << np;
  }
}

TEST_F(Example, CountiesGiveThePromisedNumbersOnAnyNumberOfRanks) {
  std::vector<double> expected;
  for (int np = 1; np <= 4; ++np) {
    const auto file = run_example("counties", np);
    {
      const Result result(file);
      const auto values = result.values("/result");
      EXPECT_NEAR(norm(values), 3415.572358, 1e-5);
      EXPECT_LT(result.number("/report", "relative_residual"), 1e-14);
      if (np == 1) expected = values;
      EXPECT_LT(difference(values, expected), 1e-13) << "np = " << np;
    }
    std::filesystem::remove(file);
  }
}

TEST_F(Example, SylvesterAndLyapunovGiveTheKnownSolutions) {
  for (int np = 1; np <= 4; ++np) {
    const Result sylvester(run_example("sylvester", np));
    EXPECT_LT(difference(sylvester.values("/result"), {0.0625, -0.5625, 0.6875}), 1e-13);
    const Result lyapunov(run_example("sylvester", np, "lyapunov"));
    EXPECT_LT(difference(lyapunov.values("/result"), {37.0 / 6, -23.0 / 6, -23.0 / 6, 3}), 1e-13);
  }
}

TEST_F(Example, PoissonConvergesAtSecondOrder) {
  const char* source = std::getenv("KRONWERK_SOURCE_DIR");
  ASSERT_NE(source, nullptr);
  const std::string folder = fmt::format("{}/configs/poisson", source);
  const Result exact(folder + "/poisson.h5");
  double before = 0;
  int np = 0;
  for (const int n : {7, 15, 31}) {
    const auto file = path(fmt::format("poisson{}.h5", n));
    const auto outcome =
        kronwerk(++np, fmt::format("run {0}/poisson.yaml --set matrices.A.dataset=/n{1}/A --set "
                                   "input.dataset=/n{1}/f --set output.file={2}",
                                   folder, n, file.string()));
    ASSERT_EQ(outcome.code, 0) << outcome.output << outcome.errors;
    const auto values = Result(file).values("/result");
    const auto expected = exact.values(fmt::format("/n{}/u", n));
    double error = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      error = std::max(error, std::abs(values[i] - expected[i]));
    }
    if (before > 0) {
      EXPECT_NEAR(before / error, 4, 0.1);
    }
    before = error;
  }
  EXPECT_NEAR(before, 3.097e-3, 1e-6);
}

TEST_F(Example, PoissonIsTheSameOnAnyNumberOfRanks) {
  for (int np = 1; np <= 4; ++np) {
    const Result result(run_example("poisson", np));
    EXPECT_NEAR(norm(result.values("/result")), 316.3314327, 1e-6);
    EXPECT_NE(result.text("/report", "method").find("fast diagonalisation"), std::string::npos);
  }
}

TEST_F(Example, FlowGeneralGivesThePromisedNumbersOnAnyNumberOfRanks) {
  for (int np = 1; np <= 4; ++np) {
    const auto file = run_example("flow-general", np);
    {
      const Result result(file);
      EXPECT_NEAR(norm(result.values("/result")), 3405.89394, 1e-4);
      EXPECT_NEAR(result.value("/gradient/rho_o"), 4399834.315, 0.01);
      EXPECT_NEAR(result.value("/gradient/rho_d"), 4875659.389, 0.01);
      EXPECT_NEAR(result.value("/gradient/rho_w"), 2312323.746, 0.01);
      EXPECT_LT(result.number("/report", "relative_residual"), 1e-10);
    }
    std::filesystem::remove(file);
  }
}

TEST_F(Example, ProjectionGivesThePromisedNumbersOnAnyNumberOfRanks) {
  for (int np = 1; np <= 4; ++np) {
    const Result result(run_example("projection", np));
    EXPECT_NEAR(result.number("/report", "relative_residual"), 0.11963130310, 1e-10);
    EXPECT_NEAR(result.number("/report", "explained"), 0.81594175221, 1e-10);
    EXPECT_NEAR(result.value("/offset"), 3.07132796595, 1e-10);
    EXPECT_EQ(result.shape("/factor/1"), (std::vector<std::int64_t>{6574}));
    const auto stations = result.values("/factor/2");
    const std::vector<double> expected{0.3509,  0.0825, 0.2653,  -0.6671, 0.0675, -0.5315,
                                       -0.0488, -0.273, -0.2544, -0.2304, 0.4568, 0.7823};
    ASSERT_EQ(stations.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(stations[i], expected[i], 5e-5);
  }
}

TEST_F(Example, WindGraphFindsNeighbouringDaysAndStations) {
  const Result days(run_example("wind-graph", 2, "days"));
  EXPECT_EQ(days.number("/report", "edges_1"), 2973);
  EXPECT_EQ(days.number("/report", "edges_2"), 0);
  EXPECT_NEAR(days.number("/report", "objective"), 4005.57169, 1e-4);
  EXPECT_LE(days.number("/report", "kkt"), 1e-8);
  const auto file = run_example("wind-graph", 1, "stations");
  const Result stations(file);
  EXPECT_EQ(stations.values("/edges_2"), (std::vector<double>{49, 46, 40, 38, 66}));
  EXPECT_EQ(stations.number("/report", "selected"), 5);
  const auto csv = path("edges.csv");
  const auto outcome = kronwerk(1, fmt::format("export edges {}:/path/4/factor/2 --top 2 --to {}",
                                               file.string(), csv.string()));
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_NE(outcome.output.find("the 2 largest of 38 pairs between 12 ids"), std::string::npos);
  std::ifstream stream(csv);
  std::string header, first;
  std::getline(stream, header);
  std::getline(stream, first);
  EXPECT_EQ(header, "origin,destination,value");
  EXPECT_EQ(first.substr(0, 8), "BEL,CLA,");
}

}  // namespace
}  // namespace kronwerk::end_to_end
