// The coefficients of a mean in the results of fits and predictions.
#include <limits>

#include "application/job_test.hpp"

namespace kronwerk::application {
namespace {

class RegressionOutput : public JobTest {
 protected:
  RegressionOutput() {
    make_data([](io::DataFile& file) {
      file.write_dense("/t", Shape{4}, Numbers{0, 1, 2, 3});
      file.write_dense("/s", Shape{3}, Numbers{0, 2, 3});
      file.write_dense("/y", Shape{3, 4}, Numbers{1, 2, 2.5, 4, 1.5, 2, 3, 4.5, 0.5, 2, 3.5, 4});
    });
  }
  static std::string job(const std::string& task, const std::string& more = "") {
    return "task: " + task +
           "\nparameters: {l: 1.5}\nmatrices: {trend: {file: data.h5, dataset: /t}}\n"
           "kernels:\n  S: {formula: \"exponential(d, l)\", points: {file: data.h5, dataset: /s}}\n"
           "  T: {formula: \"exponential(d, 1)\", points: {file: data.h5, dataset: /t}}\n"
           "covariance: \"kron(S, T) + 0.1*I\"\n"
           "mean: {columns: [\"kron(1, 1)\", \"kron(1, trend)\"]}\n"
           "observations: {file: data.h5, dataset: /y}\n" +
           more;
  }
};

TEST_F(RegressionOutput, OfAPredictionIsThatOfTheDensity) {
  expect_done(job("logpdf"));
  const Numbers coefficients = read("/mean/coefficients"), covariance = read("/mean/covariance");
  ASSERT_EQ(coefficients.size(), 2U);
  expect_done(job("predict"));
  const Numbers found = read("/regression/coefficients");
  ASSERT_EQ(found.size(), 2U);
  ASSERT_EQ(read("/regression/covariance").size(), 4U);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_NEAR(found[i], coefficients[i], 1e-10);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(read("/regression/covariance")[i], covariance[i], 1e-10);
  }
}

TEST_F(RegressionOutput, OfAFitIsNoneWhereNoStartCanBegin) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  make_data([&](io::DataFile& file) {
    file.write_dense("/t", Shape{4}, Numbers{0, 1, 2, 3});
    file.write_dense("/s", Shape{3}, Numbers{0, 2, 3});
    file.write_dense("/y", Shape{3, 4}, Numbers{nan, 2, nan, 4, 1.5, nan, 3, nan, 0.5, 2, 3.5, 4});
  });
  const Outcome outcome =
      run(job("fit", "fit: {parameters: {l: {}}}\nsolver: {max_iterations: 1}\n"),
          {"observations.missing=nan"});
  EXPECT_EQ(outcome.code, 3);
  EXPECT_NE(outcome.message.find("the systems of the missing cells of the grid 3 x 4 did not "
                                 "converge: DIVERGED_ITS: a relative residual of"),
            std::string::npos)
      << outcome.message;
  EXPECT_EQ(outcome.message.find("iterations after"), std::string::npos) << outcome.message;
}

}  // namespace
}  // namespace kronwerk::application
