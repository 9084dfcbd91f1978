// Posteriors of models on grids whose coefficients are integrated out, Gaussian and by Laplace's
// method: the density of every draw against dense formulas.
#include <fmt/format.h>

#include <cmath>
#include <numbers>
#include <numeric>

#include "application/job_test.hpp"
#include "kronwerk/models/fit/prior.hpp"
#include "models/laplace/dense_laplace.hpp"

namespace kronwerk::application {
namespace {

using core::Index;
using models::Prior;
using oracle::Matrix;

constexpr Index rows = 5, columns = 3, cells = rows * columns;

class GridPosteriorJob : public JobTest {
 protected:
  GridPosteriorJob() {
    for (Index i = 0; i < cells; ++i) {
      const auto x = static_cast<double>(i);
      const bool missing = i == 4 || i == 5 || i == 13;
      y_.push_back(missing ? std::nan("") : std::sin(0.9 * x) + 0.1 * x);
      counts_.push_back(missing ? std::nan("") : static_cast<double>((7 * i) % 5));
      if (!missing) seen_.push_back(i);
    }
    make_data([&](io::DataFile& file) {
      Numbers line(80);
      std::iota(line.begin(), line.end(), 0.0);
      file.write_dense("/x", Shape{rows}, std::span(line).first(rows));
      file.write_dense("/t", Shape{columns}, std::span(line).first(columns));
      file.write_dense("/line", Shape{80}, line);
      file.write_dense("/y", Shape{rows, columns}, y_);
      file.write_dense("/counts", Shape{rows, columns}, counts_);
      Numbers many(80 * 80, 1.0);
      file.write_dense("/many", Shape{80, 80}, many);
      for (std::size_t i = 0; i < many.size(); ++i) {
        if (i % 80 != (i / 80) % 80 && i % 3 != 0) many[i] = std::nan("");
      }
      file.write_dense("/many_gaps", Shape{80, 80}, many);
    });
  }

  static std::string model(const std::string& covariance, const std::string& observations,
                           const std::string& parameters, const std::string& more = "") {
    return R"yaml(task: posterior
parameters: {eta: 1, ls: 1, sigma: 0.5}
kernels:
  Kx: {formula: "exponential(d, ls)", points: {file: data.h5, dataset: /x}}
  Kt: {formula: "exponential(d, 1.5)", points: {file: data.h5, dataset: /t}}
covariance: ")yaml" +
           covariance + "\"\nmean: {columns: [\"kron(1, 1)\"]}\nobservations: {file: data.h5, " +
           "dataset: " + observations + ", missing: nan}\n" + more +
           "\nposterior:\n  parameters: " + parameters +
           "\n  chains: 2\n  warmup: 30\n  draws: 60\n  max_depth: 4\n";
  }
  std::string gaussian(const std::string& more = "") const {
    return model("eta^2*kron(Kx, Kt) + sigma^2*I", "/y",
                 "{eta: {prior: \"half_normal(1)\"}, ls: {prior: \"gamma(3, 2)\"}, sigma: {prior: "
                 "\"half_normal(0.5)\"}}") +
           more;
  }
  std::string counts() const {
    std::string text = model("eta^2*kron(Kx, Kt)", "/counts",
                             "{eta: {prior: \"half_normal(1)\"}, ls: {prior: \"gamma(3, 2)\"}}",
                             "likelihood: {family: poisson}");
    text.replace(text.find(", sigma: 0.5"), 12, "");
    return text;
  }

  /// Of the cells that were observed.
  Matrix signal(double eta, double ls) const {
    const auto n = std::ssize(seen_);
    Matrix k(n, n);
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < n; ++j) {
        const Index a = seen_[static_cast<std::size_t>(i)], b = seen_[static_cast<std::size_t>(j)];
        k(i, j) = eta * eta *
                  std::exp(-std::abs(double(a / columns - b / columns)) / ls -
                           std::abs(double(a % columns - b % columns)) / 1.5);
      }
    }
    return k;
  }
  Matrix ones() const {
    Matrix x(std::ssize(seen_), 1);
    for (double& each : x.values) each = 1;
    return x;
  }
  /// Priors and Jacobians of the logarithms of positive parameters.
  static double rest(double eta, double ls) {
    return Prior(Prior::Kind::half_normal, 1).log_density(eta) + std::log(eta) +
           Prior(Prior::Kind::gamma, 3, 2).log_density(ls) + std::log(ls);
  }

  struct Normal {
    double mean, variance;
  };
  /// That the coefficient's draws are of these distributions, one for each.
  void expect_draws(const std::vector<Normal>& given) const {
    const auto draws = read("/posterior/coefficients");
    ASSERT_EQ(draws.size(), given.size());
    double sum = 0, squares = 0;
    for (std::size_t i = 0; i < draws.size(); ++i) {
      const double z = (draws[i] - given[i].mean) / std::sqrt(given[i].variance);
      sum += z;
      squares += z * z;
    }
    const auto n = static_cast<double>(draws.size());
    EXPECT_NEAR(sum / n, 0, 4.5 / std::sqrt(n));
    EXPECT_NEAR(squares / n, 1, 4.5 * std::sqrt(2 / n));
  }

  Numbers y_, counts_;
  std::vector<Index> seen_;
};

TEST_F(GridPosteriorJob, IntegratesCoefficientsOutUnderAFlatOrANormalPrior) {
  for (const bool normal : {false, true}) {
    const double mean = 0.3, sd = 0.8;
    const Outcome outcome =
        run(gaussian(normal ? "  coefficient_prior: \"normal(0.3, 0.8)\"\n" : ""));
    ASSERT_TRUE(outcome.code == 0 || outcome.code == 3) << outcome.message;
    const auto eta = read("/posterior/eta"), ls = read("/posterior/ls");
    const auto sigma = read("/posterior/sigma"), lp = read("/sample_stats/lp");
    const auto y = oracle::select(y_, seen_);
    const Matrix x = ones();
    std::vector<Normal> given;
    for (std::size_t d = 0; d < eta.size(); ++d) {
      const Matrix k =
          oracle::add(1, signal(eta[d], ls[d]), sigma[d] * sigma[d], oracle::identity(x.rows));
      const auto weighted = oracle::solve(k, x.values);
      double precision = oracle::dot(x.values, weighted), right = oracle::dot(weighted, y);
      double expected = rest(eta[d], ls[d]) + std::log(sigma[d]) +
                        Prior(Prior::Kind::half_normal, 0.5).log_density(sigma[d]);
      auto residual = y;
      if (normal) {
        for (double& each : residual) each -= mean;
        expected += oracle::log_density(
            oracle::add(1, k, sd * sd, oracle::multiply(x, oracle::transpose(x))), residual);
        precision += 1 / (sd * sd);
        right += mean / (sd * sd);
      } else {
        for (double& each : residual) each -= right / precision;
        expected +=
            oracle::log_density(k, residual) - 0.5 * std::log(precision / (2 * std::numbers::pi));
      }
      EXPECT_NEAR(lp[d], expected, 1e-7);
      given.push_back({right / precision, 1 / precision});
    }
    expect_draws(given);
  }
}

TEST_F(GridPosteriorJob, VariesCoefficientsUnderOtherPriors) {
  const Outcome outcome = run(gaussian("  coefficient_prior: \"student_t(3, 0, 1)\"\n"));
  ASSERT_TRUE(outcome.code == 0 || outcome.code == 3) << outcome.message;
  const auto eta = read("/posterior/eta"), ls = read("/posterior/ls");
  const auto sigma = read("/posterior/sigma"), lp = read("/sample_stats/lp");
  const auto beta = read("/posterior/coefficients");
  for (std::size_t d = 0; d < eta.size(); ++d) {
    auto residual = oracle::select(y_, seen_);
    for (double& each : residual) each -= beta[d];
    const Matrix k = oracle::add(1, signal(eta[d], ls[d]), sigma[d] * sigma[d],
                                 oracle::identity(std::ssize(seen_)));
    EXPECT_NEAR(lp[d],
                oracle::log_density(k, residual) + rest(eta[d], ls[d]) + std::log(sigma[d]) +
                    Prior(Prior::Kind::half_normal, 0.5).log_density(sigma[d]) +
                    Prior(Prior::Kind::student_t, 3, 0, 1).log_density(beta[d]),
                1e-7);
  }
}

TEST_F(GridPosteriorJob, OfCountsHasTheDensityOfLaplacesMethod) {
  const Outcome outcome = run(counts());
  ASSERT_TRUE(outcome.code == 0 || outcome.code == 3) << outcome.message;
  const auto eta = read("/posterior/eta"), ls = read("/posterior/ls");
  const auto lp = read("/sample_stats/lp");
  const auto y = oracle::select(counts_, seen_);
  const Matrix x = ones();
  std::vector<Normal> given;
  for (std::size_t d = 0; d < eta.size(); ++d) {
    Matrix k = signal(eta[d], ls[d]);
    const auto laplace =
        oracle::laplace(k, x, Numbers(y.size(), 0.0), [&](std::size_t i, double f) {
          return oracle::Cell{y[i] * f - std::exp(f) - std::lgamma(y[i] + 1), y[i] - std::exp(f),
                              -std::exp(f)};
        });
    EXPECT_NEAR(lp[d], laplace.density + rest(eta[d], ls[d]), 1e-7);
    for (Index i = 0; i < k.rows; ++i) {
      k(i, i) += std::exp(-laplace.field[static_cast<std::size_t>(i)]);
    }
    given.push_back({laplace.beta[0], 1 / oracle::dot(x.values, oracle::solve(k, x.values))});
  }
  expect_draws(given);
  EXPECT_EQ(read("/observed_data/y", "out.h5", true).size(), counts_.size());
}

TEST_F(GridPosteriorJob, IsRefusedWhereItsDensityIsAnEstimate) {
  const auto larger = [](std::string text, const std::string& from, const std::string& to) {
    for (const std::string name : {"/x}", "/t}"}) text.replace(text.find(name), 3, "/line}");
    text.replace(text.find(from), from.size(), to);
    return text;
  };
  expect_refused(larger(counts(), "/counts", "/many"), "log|B| of Laplace's method is an estimate");
  expect_refused(larger(gaussian(), "/y", "/many_gaps"), "so that the log density is an estimate");
  expect_refused(counts() + "  coefficient_prior: \"normal(0, 1)\"\n",
                 "leave 'posterior.coefficient_prior' out");
}

}  // namespace
}  // namespace kronwerk::application
