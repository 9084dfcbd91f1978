// The examples as they are, with the numbers that their READMEs promise, on one to four ranks.
#include <cmath>
#include <limits>

#include "end_to_end/program.hpp"

namespace kronwerk::end_to_end {
namespace {

class Example : public ProgramTest {
 protected:
  /// Runs configs/<name>/<name>.yaml as it is, but with the result in the test's directory.
  std::filesystem::path run_example(const std::string& name, int np) const {
    const char* source = std::getenv("KRONWERK_SOURCE_DIR");
    EXPECT_NE(source, nullptr) << "KRONWERK_SOURCE_DIR names the directory of the sources";
    const auto file = path(fmt::format("{}{}.h5", name, np));
    const auto outcome =
        kronwerk(np, fmt::format("run {}/configs/{}/{}.yaml --set output.file={}",
                                 source != nullptr ? source : "", name, name, file.string()));
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

}  // namespace
}  // namespace kronwerk::end_to_end
