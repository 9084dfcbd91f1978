// The examples of kernel formulas, with the numbers that their READMEs promise, on one to four
// ranks.
#include <algorithm>
#include <cmath>

#include "end_to_end/program.hpp"

namespace kronwerk::end_to_end {
namespace {

using Shape = std::vector<std::int64_t>;
using Values = std::vector<double>;

/// The examples in configs/, as they are but for the place of their results.
class KernelExamples : public ProgramTest {
 protected:
  std::string folder(const std::string& name) const {
    const char* source = std::getenv("KRONWERK_SOURCE_DIR");
    EXPECT_NE(source, nullptr);
    return fmt::format("{}/configs/{}", source != nullptr ? source : "", name);
  }
  void run_example(int np, const std::string& file, const std::string& output,
                   const std::string& more = "") const {
    const auto outcome = kronwerk(np, fmt::format("run {} --set output.file={} {}", folder(file),
                                                  path(output).string(), more));
    ASSERT_EQ(outcome.code, 0) << outcome.output << outcome.errors;
  }
};

TEST_F(KernelExamples, ReductionsAreTheSameForEveryNumberOfRanks) {
  const Result cloud(folder("kernel-reductions/cloud.h5"));
  const auto x = cloud.values("/x"), y = cloud.values("/y");
  Values sums(4);
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = 0; j < 6; ++j) {
      const double a = x[2 * i] - y[2 * j], b = x[2 * i + 1] - y[2 * j + 1];
      sums[i] -= (a * a + b * b) / 2;
    }
  }
  for (int np = 1; np <= 4; ++np) {
    run_example(np, "kernel-reductions/kernel-reductions.yaml", "out.h5");
    const Result result(path("out.h5"));
    EXPECT_LT(oracle::relative_error(result.values("/result/sum"), sums), 1e-14);
    for (const std::string name : {"mean", "softmax", "argkmax"})
      EXPECT_TRUE(result.has("/result/" + name));
    EXPECT_EQ(result.shape("/result/kmin_argkmin_index"), (Shape{4, 3}));
  }
}

TEST_F(KernelExamples, NearestAirportsAreThoseOfTheImporter) {
  const Result airports(folder("knn/airports.h5"));
  const auto starts = airports.values("/W/indptr"), neighbours = airports.values("/W/indices");
  for (int np = 1; np <= 4; ++np) {
    run_example(np, "knn/knn.yaml", "out.h5");
    const Result result(path("out.h5"));
    ASSERT_EQ(result.shape("/result/kmin_argkmin_index"), (Shape{305, 6}));
    const auto found = result.values("/result/kmin_argkmin_index");
    const auto distances = result.values("/result/kmin_argkmin");
    for (std::size_t i = 0; i < 305; ++i) {
      const auto begin = found.begin() + static_cast<std::ptrdiff_t>(6 * i);
      Values row(begin, begin + 6);
      std::ranges::sort(row);
      Values expected(neighbours.begin() + static_cast<std::ptrdiff_t>(starts[i]),
                      neighbours.begin() + static_cast<std::ptrdiff_t>(starts[i + 1]));
      std::ranges::sort(expected);
      EXPECT_EQ(row, expected) << "airport " << i << ", np = " << np;
      EXPECT_TRUE(std::is_sorted(distances.begin() + static_cast<std::ptrdiff_t>(6 * i),
                                 distances.begin() + static_cast<std::ptrdiff_t>(6 * i + 6)));
    }
  }
}

TEST_F(KernelExamples, RidgeRegressionPredictsBetterThanTheMean) {
  for (int np = 1; np <= 4; ++np) {
    SCOPED_TRACE(np);
    run_example(np, "kernel-ridge/kernel-ridge.yaml", "a.h5");
    run_example(np, "kernel-ridge/predict.yaml", "p.h5",
                "--set points.a.file=" + path("a.h5").string());
    run_example(np, "kernel-ridge/error.yaml", "e.h5",
                "--set points.p.file=" + path("p.h5").string());
    EXPECT_LE(Result(path("a.h5")).number("/report", "relative_residual"), 1e-8);
    const auto errors = Result(path("e.h5")).values("/result/mean");
    ASSERT_EQ(errors.size(), 2U);
    EXPECT_NEAR(std::sqrt(errors[0]), 0.0694, 5e-5);
    EXPECT_NEAR(std::sqrt(errors[1]), 0.1081, 5e-5);
  }
}

}  // namespace
}  // namespace kronwerk::end_to_end
