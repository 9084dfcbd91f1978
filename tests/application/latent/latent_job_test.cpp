// Jobs with counts and binary data on grids, in process: against dense formulas, and refused where
// they make no sense.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "application/job_test.hpp"
#include "kronwerk/io/files/data_file.hpp"
#include "models/laplace/dense_laplace.hpp"
#include "support/dense_oracle.hpp"

namespace kronwerk::application {
namespace {

using core::Index;
using Numbers = std::vector<double>;
using oracle::Matrix;

constexpr Index rows = 7;
constexpr Index columns = 5;

class LatentJobTest : public JobTest {
 protected:
  LatentJobTest() {
    for (Index i = 0; i < rows; ++i)
      x_.push_back(static_cast<double>(i) + 0.1 * std::sin(2.0 * static_cast<double>(i)));
    for (Index j = 0; j < columns; ++j) t_.push_back(1.3 * static_cast<double>(j));
    for (Index i = 0; i < rows; ++i) {
      for (Index j = 0; j < columns; ++j) {
        exposure_.push_back(1 + static_cast<double>((2 * i + j) % 3));
        const double f =
            1.2 * std::sin(0.7 * static_cast<double>(i) + 0.4 * static_cast<double>(j));
        counts_.push_back((i * 3 + j) % 8 == 5 ? std::nan("")
                                               : std::floor(exposure_.back() * std::exp(f) + 0.5));
        trials_.push_back(6);
      }
    }
    if (comm_.is_root()) {
      io::DataFile file(directory_ + "/data.h5");
      const std::vector<Index> grid{rows, columns};
      file.write_dense("/x", std::vector<Index>{rows}, x_);
      file.write_dense("/t", std::vector<Index>{columns}, t_);
      file.write_dense("/t_new", std::vector<Index>{2}, Numbers{0.6, 7.1});
      file.write_dense("/y", grid, counts_);
      file.write_dense("/exposure", grid, exposure_);
      Numbers other = counts_;
      other[3] = -1;
      file.write_dense("/negative", grid, other);
      other[3] = 1.5;
      file.write_dense("/fraction", grid, other);
      other = exposure_;
      other[4] = 0;
      file.write_dense("/no_exposure", grid, other);
      other = trials_;
      other[9] = 0;
      file.write_dense("/few_trials", grid, other);
      other[9] = 2.5;
      file.write_dense("/broken_trials", grid, other);
      Numbers twice = counts_;
      twice.insert(twice.end(), counts_.begin(), counts_.end());
      file.write_dense("/two", std::vector<Index>{2, rows, columns}, twice);
      file.commit();
    }
    comm_.barrier();
  }

  static std::string model(const std::string& task, const std::string& likelihood,
                           const std::string& observations = "/y",
                           const std::string& covariance = "eta^2*kron(K, T)") {
    return "task: " + task + R"yaml(
parameters: {eta: 0.9, ls: 2.5}
kernels:
  K: {formula: "exponential(d, ls)", points: {file: data.h5, dataset: /x}}
  T: {formula: "exponential(d, 3)", points: {file: data.h5, dataset: /t}}
covariance: ")yaml" +
           covariance + "\"\nobservations: {file: data.h5, dataset: " + observations +
           ", missing: nan}\n" + "likelihood: " + likelihood + "\n";
  }
  static std::string poisson() {
    return "{family: poisson, exposure: {file: data.h5, dataset: /exposure}}";
  }

  Matrix kernel(const Numbers& a, const Numbers& b, double length) const {
    Matrix result(std::ssize(a), std::ssize(b));
    for (std::size_t i = 0; i < a.size(); ++i) {
      for (std::size_t j = 0; j < b.size(); ++j) {
        result(static_cast<Index>(i), static_cast<Index>(j)) =
            std::exp(-std::abs(a[i] - b[j]) / length);
      }
    }
    return result;
  }

  /// The mode, density and predictions at times `t`, with a flat prior of one coefficient.
  struct Dense {
    oracle::Laplace laplace;
    Numbers mean, variance;
  };
  Dense dense(double eta, double length, const Numbers& t) const {
    Matrix k = oracle::kron(kernel(x_, x_, length), kernel(t_, t_, 3));
    Matrix cross = oracle::kron(kernel(x_, x_, length), kernel(t, t_, 3));
    std::vector<Index> seen;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      if (!std::isnan(counts_[i])) seen.push_back(static_cast<Index>(i));
    }
    const auto n = std::ssize(seen);
    Matrix covariance(n, n), to_new(cross.rows, n), ones(n, 1), ones_at_new(cross.rows, 1);
    for (Index i = 0; i < n; ++i) {
      ones(i, 0) = 1;
      for (Index j = 0; j < n; ++j) {
        covariance(i, j) =
            eta * eta * k(seen[static_cast<std::size_t>(i)], seen[static_cast<std::size_t>(j)]);
      }
      for (Index j = 0; j < cross.rows; ++j) {
        to_new(j, i) = eta * eta * cross(j, seen[static_cast<std::size_t>(i)]);
      }
    }
    Dense result;
    result.laplace = oracle::laplace(
        covariance, ones, Numbers(static_cast<std::size_t>(n), 0.0), [&](std::size_t i, double f) {
          const auto at = static_cast<std::size_t>(seen[i]);
          const double lambda = exposure_[at] * std::exp(f);
          return oracle::Cell{
              counts_[at] * std::log(lambda) - lambda - std::lgamma(counts_[at] + 1),
              counts_[at] - lambda, -lambda};
        });
    // Kriging of the working response, whose noise is W⁻¹.
    oracle::Regression data{covariance, ones, {}};
    Matrix prior(cross.rows, cross.rows);
    for (Index i = 0; i < n; ++i) {
      const auto at = static_cast<std::size_t>(seen[static_cast<std::size_t>(i)]);
      const double f = result.laplace.field[static_cast<std::size_t>(i)];
      const double lambda = exposure_[at] * std::exp(f);
      data.covariance(i, i) += 1 / lambda;
      data.y.push_back(f + (counts_[at] - lambda) / lambda);
    }
    const Matrix whole = oracle::kron(kernel(x_, x_, length), kernel(t, t, 3));
    for (Index i = 0; i < prior.rows; ++i) {
      ones_at_new(i, 0) = 1;
      for (Index j = 0; j < prior.rows; ++j) prior(i, j) = eta * eta * whole(i, j);
    }
    const auto posterior = oracle::universal_kriging(data, to_new, prior, ones_at_new);
    result.mean = posterior.mean;
    for (Index i = 0; i < prior.rows; ++i) result.variance.push_back(posterior.covariance(i, i));
    return result;
  }

  Numbers x_, t_, counts_, exposure_, trials_;
};

const std::string regression = "mean: {columns: [\"kron(1, 1)\"]}\n";

TEST_F(LatentJobTest, HasTheDenseDensityAndGradient) {
  const Outcome outcome =
      run(model("logpdf", poisson()) + regression + "gradient: {parameters: [eta, ls]}\n");
  ASSERT_EQ(outcome.code, 0) << outcome.message;
  EXPECT_NEAR(read("/result")[0], dense(0.9, 2.5, t_).laplace.density, 1e-7);
  constexpr double h = 1e-4;
  const auto difference = [&](double eta, double ls) {
    return (dense(0.9 + h * eta, 2.5 + h * ls, t_).laplace.density -
            dense(0.9 - h * eta, 2.5 - h * ls, t_).laplace.density) /
           (2 * h);
  };
  EXPECT_NEAR(read("/gradient/eta")[0], difference(1, 0), 1e-5);
  EXPECT_NEAR(read("/gradient/ls")[0], difference(0, 1), 1e-5);
  EXPECT_NEAR(read("/mean/coefficients")[0], dense(0.9, 2.5, t_).laplace.beta[0], 1e-7);
}

TEST_F(LatentJobTest, PredictsTheFieldAndCounts) {
  const std::string job = model("predict",
                                "{family: poisson, exposure: {file: data.h5, dataset: "
                                "/exposure}, quantiles: [0.1, 0.9]}") +
                          regression;
  Outcome outcome = run(job);
  ASSERT_EQ(outcome.code, 0) << outcome.message;
  const Dense expected = dense(0.9, 2.5, t_);
  EXPECT_LE(oracle::relative_error(read("/mean"), expected.mean), 1e-7);
  EXPECT_LE(oracle::relative_error(read("/variance"), expected.variance), 1e-7);
  const Numbers mean = read("/observations/mean"), variance = read("/observations/variance");
  const Numbers quantiles = read("/observations/quantiles");
  for (std::size_t i = 0; i < mean.size(); ++i) {
    const double m = exposure_[i] * std::exp(expected.mean[i] + expected.variance[i] / 2);
    EXPECT_NEAR(mean[i], m, 1e-6 * m);
    EXPECT_NEAR(variance[i], m + m * m * std::expm1(expected.variance[i]), 1e-5 * (m + m * m));
    EXPECT_LE(quantiles[i], quantiles[mean.size() + i]);
  }
  outcome = run(job + "new_points: {T: {file: data.h5, dataset: /t_new}}\ndraws: 400\n");
  ASSERT_EQ(outcome.code, 0) << outcome.message;
  const Dense elsewhere = dense(0.9, 2.5, {0.6, 7.1});
  EXPECT_LE(oracle::relative_error(read("/mean"), elsewhere.mean), 1e-7);
  EXPECT_LE(oracle::relative_error(read("/variance"), elsewhere.variance), 1e-7);
  // Draws have these moments.
  const Numbers draws = read("/draws");
  const std::size_t points = elsewhere.mean.size();
  for (std::size_t i = 0; i < points; ++i) {
    double sum = 0, squares = 0;
    for (std::size_t d = 0; d < 400; ++d) {
      const double deviation = draws[d * points + i] - elsewhere.mean[i];
      sum += deviation / 400;
      squares += deviation * deviation / 400;
    }
    EXPECT_NEAR(sum, 0, 4.5 * std::sqrt(elsewhere.variance[i] / 400)) << i;
    EXPECT_NEAR(squares / elsewhere.variance[i], 1, 4.5 * std::sqrt(2.0 / 400)) << i;
  }
}

TEST_F(LatentJobTest, FitsAndSamples) {
  Outcome outcome =
      run(model("fit", poisson()) + regression + "fit: {parameters: {eta: {}}, tolerance: 1e-4}\n");
  ASSERT_EQ(outcome.code, 0) << outcome.message;
  const double eta = read("/parameters/eta")[0];
  const double there = dense(eta, 2.5, t_).laplace.density;
  EXPECT_GT(there, dense(0.97 * eta, 2.5, t_).laplace.density);
  EXPECT_GT(there, dense(1.03 * eta, 2.5, t_).laplace.density);
  EXPECT_NEAR(read("/log_density")[0], there, 1e-6);
  std::string sample = model("sample", "{family: negative_binomial, theta: 4}") + "draws: 3\n";
  outcome = run(sample);
  ASSERT_EQ(outcome.code, 0) << outcome.message;
  double sum = 0;
  for (const double count : read("/result")) {
    EXPECT_EQ(count, std::floor(count));
    EXPECT_GE(count, 0);
    sum += count;
  }
  EXPECT_GT(sum, 0);
  outcome = run(model("sample", "{family: binomial, trials: 7}") + "draws: 2\n");
  ASSERT_EQ(outcome.code, 0) << outcome.message;
  for (const double count : read("/result")) EXPECT_TRUE(count >= 0 && count <= 7) << count;
}

TEST_F(LatentJobTest, HasItsDispersionAsAParameter) {
  std::string job = model("logpdf", "{family: negative_binomial, theta: shape}") +
                    "gradient: {parameters: [shape]}\n";
  job.replace(job.find("ls: 2.5"), 7, "ls: 2.5, shape: 3");
  ASSERT_EQ(run(job).code, 0);
  const double gradient = read("/gradient/shape")[0];
  const auto at = [&](const std::string& value) {
    std::string other = job;
    other.replace(other.find("shape: 3"), 8, "shape: " + value);
    EXPECT_EQ(run(other).code, 0);
    return read("/result")[0];
  };
  EXPECT_NEAR(gradient, (at("3.001") - at("2.999")) / 0.002, 1e-6);
}

TEST_F(LatentJobTest, RefusesWhatIsNoCount) {
  expect_refused(model("logpdf", poisson(), "/negative"), "negative or no whole number");
  expect_refused(model("logpdf", poisson(), "/fraction"), "negative or no whole number");
  expect_refused(model("logpdf", poisson(), "/two"), "takes one");
  expect_refused(
      model("logpdf", "{family: poisson, exposure: {file: data.h5, dataset: /no_exposure}}"),
      "not positive");
  expect_refused(
      model("logpdf", "{family: binomial, trials: {file: data.h5, dataset: /few_trials}}"),
      "more successes than trials");
  expect_refused(
      model("logpdf", "{family: binomial, trials: {file: data.h5, dataset: /broken_trials}}"),
      "no whole numbers");
  expect_refused(model("logpdf", "{family: bernoulli}"), "more successes than trials");
}

TEST_F(LatentJobTest, RefusesWhatDoesNotGoTogether) {
  expect_refused(model("logpdf", poisson(), "/y", "eta^2*kron(K, T) + 0.1*I"), "noise");
  expect_refused(model("sample", "{family: poisson}", "/y", "eta^2*kron(K, T) + 0.1*I"), "noise");
  expect_refused(model("logpdf", "{family: poisson, exposure: 0}"), "positive");
  expect_refused(model("logpdf", "{family: poisson, trials: 3}"), "has no 'likelihood.trials'");
  expect_refused(model("logpdf", "{family: binomial}"), "needs 'likelihood.trials'");
  expect_refused(model("logpdf", "{family: binomial, trials: 2.5}"), "whole number");
  expect_refused(model("logpdf", "{family: negative_binomial}"), "needs 'likelihood.theta'");
  expect_refused(model("logpdf", "{family: negative_binomial, theta: -1}"), "positive");
  expect_refused(model("logpdf", "{family: gauss}"), "family");
  expect_refused(model("logpdf", poisson()) + "gradient: {input: true}\n", "gradient.input");
  expect_refused(model("predict", poisson()) + "factored_covariance: true\n",
                 "factored_covariance");
  std::string transformed = model("logpdf", poisson());
  transformed.replace(transformed.find("missing: nan"), 12, "missing: nan, transform: log1p");
  expect_refused(transformed, "transform");
}

}  // namespace
}  // namespace kronwerk::application
