// Whole jobs of the task posterior on tiny models, against quadrature, and what they refuse.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <hdf5_hl.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <numeric>

#include "application/job_test.hpp"
#include "application/session/signals.hpp"
#include "io/hdf5/hdf5_input.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/io/files/data_file.hpp"
#include "kronwerk/models/fit/prior.hpp"
#include "kronwerk/models/posterior/diagnostics.hpp"
#include "support/dense_oracle.hpp"

namespace kronwerk::application {
namespace {

using core::Index;
using Numbers = std::vector<double>;

constexpr Index rows = 4;
constexpr Index columns = 3;

class PosteriorJob : public JobTest {
 protected:
  PosteriorJob() {
    if (comm_.is_root()) write_data();
    comm_.barrier();
  }

  void write_data() const {
    io::DataFile file(directory_ + "/data.h5");
    Numbers x(rows), t(columns);
    std::iota(x.begin(), x.end(), 0.0);
    std::iota(t.begin(), t.end(), 0.0);
    file.write_dense("/x", core::Extents{rows}, x);
    file.write_dense("/t", core::Extents{columns}, t);
    file.write_dense("/y", core::Extents{rows, columns}, y_);
    Numbers ring(36, 0.0);
    for (std::size_t i = 0; i < 6; ++i) {
      ring[i * 6 + (i + 1) % 6] = ring[i * 6 + (i + 5) % 6] = 0.5;
    }
    file.write_dense("/W", core::Extents{6, 6}, ring);
    Numbers flows(36), counts(36);
    for (std::size_t i = 0; i < 36; ++i) {
      flows[i] = std::sin(3.0 * static_cast<double>(i));
      counts[i] = static_cast<double>((7 * i) % 11);
    }
    file.write_dense("/flows", core::Extents{6, 6}, flows);
    file.write_dense("/counts", core::Extents{6, 6}, counts);
    flows[3] = flows[20] = std::nan("");
    file.write_dense("/flow_gaps", core::Extents{6, 6}, flows);
    Numbers gaps = counts;
    gaps[3] = std::nan("");
    file.write_dense("/gaps", core::Extents{6, 6}, gaps);
    counts[5] = -1;
    file.write_dense("/negative", core::Extents{6, 6}, counts);
    counts[5] = 1.5;
    file.write_dense("/broken", core::Extents{6, 6}, counts);
    file.commit();
  }

  /// That every axis of every dataset has its dimension scale.
  void expect_scales() const {
    if (!comm_.is_root()) return;
    const auto file = io::open_input(directory_ + "/out.h5");
    Index axes = 0;
    const auto visit = [](hid_t where, const char* name, const H5O_info_t* info, void* count) {
      if (info->type != H5O_TYPE_DATASET) return 0;
      const auto dataset = io::DatasetHandle::adopt(H5Dopen2(where, name, H5P_DEFAULT));
      const auto space = io::SpaceHandle::adopt(H5Dget_space(dataset.get()));
      if (H5DSis_scale(dataset.get()) > 0) return 0;
      for (int axis = 0; axis < H5Sget_simple_extent_ndims(space.get()); ++axis) {
        EXPECT_EQ(H5DSget_num_scales(dataset.get(), static_cast<unsigned>(axis)), 1) << name;
        ++*static_cast<Index*>(count);
      }
      return 0;
    };
    EXPECT_GE(H5Ovisit2(file.get(), H5_INDEX_NAME, H5_ITER_NATIVE, visit, &axes, H5O_INFO_BASIC),
              0);
    EXPECT_GT(axes, 20);
  }

  const Numbers y_{0.5, 1.1, 0.9, -0.3, 0.2, 0.4, -1.0, -0.4, -0.9, 0.1, -0.6, -0.2};
};

const std::string gaussian = R"yaml(task: posterior
parameters: {eta: 1, ls: 1, sigma: 0.5}
kernels:
  Kx: {formula: "exponential(d, ls)", points: {file: data.h5, dataset: /x}}
  Kt: {formula: "exponential(d, 1.5)", points: {file: data.h5, dataset: /t}}
covariance: "eta^2*kron(Kx, Kt) + sigma^2*I"
observations: {file: data.h5, dataset: /y}
)yaml";

const std::string priors =
    "{eta: {prior: \"half_normal(1)\"}, ls: {prior: \"gamma(3, 2)\"}, sigma: {prior: "
    "\"half_normal(0.5)\"}}";

/// log N(y; 0, K) by a dense Cholesky factor.
double log_density(const Numbers& y, double eta, double ls, double sigma) {
  constexpr std::size_t n = rows * columns;
  double factor[n][n];
  double solved[n];
  double value = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      const double dx = std::abs(double(i / columns) - double(j / columns));
      const double dt = std::abs(double(i % columns) - double(j % columns));
      double sum = eta * eta * std::exp(-dx / ls - dt / 1.5) + (i == j ? sigma * sigma : 0);
      for (std::size_t k = 0; k < j; ++k) sum -= factor[i][k] * factor[j][k];
      factor[i][j] = i == j ? std::sqrt(sum) : sum / factor[j][j];
    }
    double rest = y[i];
    for (std::size_t k = 0; k < i; ++k) rest -= factor[i][k] * solved[k];
    solved[i] = rest / factor[i][i];
    value -= 0.5 * solved[i] * solved[i] + std::log(factor[i][i]);
  }
  return value;
}

TEST_F(PosteriorJob, ThreeParametersOfAGridAgreeWithQuadrature) {
  if (comm_.size() > 1) GTEST_SKIP() << "takes long; draws of more ranks are others of the same";
  const Outcome outcome = run(gaussian + "posterior: {parameters: " + priors +
                              ", draws: 1000, warmup: 500, target_acceptance: 0.9}");
  ASSERT_EQ(outcome.code, 0) << outcome.message;
  using models::Prior;
  const Prior eta(Prior::Kind::half_normal, 1);
  const Prior ls(Prior::Kind::gamma, 3, 2);
  const Prior sigma(Prior::Kind::half_normal, 0.5);
  constexpr int points = 60;
  double mass = 0;
  double means[3] = {0, 0, 0};
  for (int i = 0; i < points * points * points; ++i) {
    const double x[3] = {(i % points + 0.5) * 4 / points, (i / points % points + 0.5) * 7 / points,
                         (i / points / points + 0.5) * 2 / points};
    const double weight = std::exp(log_density(y_, x[0], x[1], x[2]) + eta.log_density(x[0]) +
                                   ls.log_density(x[1]) + sigma.log_density(x[2]));
    mass += weight;
    for (int k = 0; k < 3; ++k) means[k] += weight * x[k];
  }
  const char* names[3] = {"/posterior/eta", "/posterior/ls", "/posterior/sigma"};
  for (int k = 0; k < 3; ++k) {
    const auto draws = read(names[k]);
    const auto summary = models::summarise({draws, 4});
    EXPECT_NEAR(summary.mean, means[k] / mass, 4 * summary.monte_carlo_error + 2e-3) << names[k];
    EXPECT_LT(summary.rhat, 1.03);
  }
}

TEST_F(PosteriorJob, TheResultHasDrawsStatisticsAndObservations) {
  const Outcome outcome =
      run(gaussian + "mean: {columns: [\"kron(1, 1)\"]}\nposterior: {parameters: " + priors +
          ", draws: 50, warmup: 8, chains: 2, max_depth: 2}");
  ASSERT_TRUE(outcome.code == 0 || outcome.code == 3) << outcome.message;
  EXPECT_EQ(read("/posterior/eta").size(), 100U);
  EXPECT_EQ(read("/posterior/coefficients").size(), 100U);
  EXPECT_EQ(read("/observed_data/y"), y_);
  const Numbers steps = read("/sample_stats/n_steps");
  EXPECT_GT(*std::ranges::min_element(steps), 0);
  for (const char* name :
       {"lp", "energy", "tree_depth", "acceptance_rate", "step_size", "diverging"}) {
    EXPECT_EQ(read(std::string("/sample_stats/") + name).size(), 100U) << name;
  }
  expect_scales();
}

TEST_F(PosteriorJob, FlowsOfEveryFamilyAreSampled) {
  const std::string flow =
      "task: posterior\nfilter: \"kron(I - r*W, I - s*W)\"\nparameters: {r: 0, s: 0}\n"
      "matrices: {W: {file: data.h5, dataset: /W}}\nmean: {columns: [\"kron(1, 1)\"]}\n";
  // More ranks than one go the same way, a part of it.
  const bool alone = comm_.size() == 1;
  const std::string settings = fmt::format(", chains: 2, warmup: {}, draws: {}, max_depth: {}}}\n",
                                           alone ? 200 : 8, alone ? 200 : 8, alone ? 10 : 2);
  for (const std::string family : {"gaussian", "poisson", "negative_binomial"}) {
    const std::string theta =
        family == "negative_binomial" ? ", theta: {prior: \"gamma(2, 0.5)\"}" : "";
    const Outcome outcome =
        run(flow + "family: " + family + "\nobservations: {file: data.h5, dataset: /" +
            (family == "gaussian" ? "flows" : "counts") +
            "}\nposterior: {parameters: {r: {prior: \"uniform(-0.9, 0.9)\"}, s: {prior: "
            "\"uniform(-0.9, 0.9)\"}" +
            theta + "}" + settings);
    ASSERT_TRUE(outcome.code == 0 || outcome.code == 3) << family << ": " << outcome.message;
    for (const double r : read("/posterior/r")) EXPECT_LT(std::abs(r), 0.9);
    EXPECT_EQ(read("/posterior/coefficients").size(), alone ? 400U : 16U) << family;
    if (family == "gaussian") {
      for (const double sigma2 : read("/posterior/sigma2")) EXPECT_GT(sigma2, 0);
    }
    if (family == "negative_binomial") {
      for (const double value : read("/posterior/theta")) EXPECT_GT(value, 0);
    }
  }
}

TEST_F(PosteriorJob, FlowsThatWereNotObservedAreIntegratedOut) {
  const std::string job =
      "task: posterior\nfilter: \"kron(I - r*W, I - s*W)\"\nparameters: {r: 0, s: 0}\n"
      "matrices: {W: {file: data.h5, dataset: /W}}\nmean: {columns: [\"kron(1, 1)\"]}\n"
      "observations: {file: data.h5, dataset: /flow_gaps, missing: nan}\n"
      "posterior: {chains: 2, warmup: 50, draws: 30, parameters: {r: {}, s: {}}}\n";
  const Outcome outcome = run(job);
  ASSERT_TRUE(outcome.code == 0 || outcome.code == 3) << outcome.message;
  const auto flows = read("/observed_data/flows", "out.h5", true);
  for (std::size_t i = 0; i < flows.size(); ++i) {
    EXPECT_EQ(std::isnan(flows[i]), i == 3 || i == 20) << i;
  }
  for (const double sigma2 : read("/posterior/sigma2")) EXPECT_GT(sigma2, 0);
  std::string effects = job;
  effects.replace(effects.find("\"kron(1, 1)\""), 12, "origin");
  expect_refused(effects, "absorbed where all flows were observed");
}

TEST_F(PosteriorJob, WritesTheLogLikelihoodOfEveryCountWhereItIsAskedFor) {
  for (const bool binomial : {false, true}) {
    const Outcome outcome =
        run(std::string(
                "task: posterior\nfilter: \"kron(I - r*W, I - s*W)\"\nparameters: {r: 0, s: 0}\n"
                "matrices: {W: {file: data.h5, dataset: /W}}\n"
                "mean: {columns: [\"kron(1, 1)\"]}\n"
                "observations: {file: data.h5, dataset: /gaps, missing: nan}\n") +
            (binomial ? "family: negative_binomial\n" : "family: poisson\n") +
            "posterior: {chains: 2, warmup: 8, draws: 8, max_depth: 2, log_likelihood: true, "
            "parameters: "
            "{r: {prior: \"uniform(-0.9, 0.9)\"}, s: {prior: \"uniform(-0.9, 0.9)\"}" +
            (binomial ? ", theta: {prior: \"gamma(2, 0.5)\"}}}\n" : "}}\n"));
    ASSERT_TRUE(outcome.code == 0 || outcome.code == 3) << outcome.message;
    const auto r = read("/posterior/r"), s = read("/posterior/s"), lp = read("/sample_stats/lp");
    const auto beta = read("/posterior/coefficients");
    const auto theta = binomial ? read("/posterior/theta") : Numbers(r.size(), 0.0);
    const auto found = read("/log_likelihood/flows", "out.h5", true);
    expect_scales();
    ASSERT_EQ(found.size(), r.size() * 36);
    for (std::size_t d = 0; d < r.size(); ++d) {
      // W has row sums of one, so that the predictor is the same everywhere.
      const double eta = beta[d] / ((1 - r[d]) * (1 - s[d])), lambda = std::exp(eta);
      const auto jacobian = [](double x) { return std::log((x + 0.9) * (0.9 - x) / 1.8 / 1.8); };
      double sum = jacobian(r[d]) + jacobian(s[d]);
      for (std::size_t i = 0; i < 36; ++i) {
        const double y = static_cast<double>((7 * i) % 11), t = theta[d];
        if (i == 3) {
          EXPECT_TRUE(std::isnan(found[d * 36 + i]));
          continue;
        }
        const double expected = binomial ? std::lgamma(y + t) - std::lgamma(t) -
                                               std::lgamma(y + 1) + t * std::log(t / (t + lambda)) +
                                               y * std::log(lambda / (t + lambda))
                                         : y * eta - lambda - std::lgamma(y + 1);
        EXPECT_NEAR(found[d * 36 + i], expected, 1e-8 * (1 + std::abs(expected)));
        sum += found[d * 36 + i];
      }
      if (binomial) {
        sum += models::Prior(models::Prior::Kind::gamma, 2, 0.5).log_density(theta[d]) +
               std::log(theta[d]);
      }
      EXPECT_NEAR(lp[d], sum, 1e-8 * std::abs(sum));
    }
  }
  expect_refused(gaussian + "posterior: {log_likelihood: true, parameters: " + priors + "}",
                 "independent given the parameters");
}

TEST_F(PosteriorJob, OutsideOfTheFeasibleRegionAreDivergencesAndNoDraws) {
  if (comm_.size() > 1) GTEST_SKIP() << "takes long";
  // Without a prior the wall of the region is all that holds r.
  const Outcome outcome = run(
      "task: posterior\nfamily: poisson\nfilter: \"kron(I - r*W, eye(6))\"\nparameters: {r: 0}\n"
      "matrices: {W: {file: data.h5, dataset: /W}}\nmean: {columns: [\"kron(1, 1)\"]}\n"
      "observations: {file: data.h5, dataset: /counts}\n"
      "posterior: {parameters: {r: {}}, chains: 2, warmup: 200, draws: 200}\n");
  ASSERT_TRUE(outcome.code == 0 || outcome.code == 3) << outcome.message;
  for (const double r : read("/posterior/r")) EXPECT_LT(r, 1);
}

TEST_F(PosteriorJob, GroupsOfRanksGoOnWithTheSameDraws) {
  if (comm_.size() == 1) GTEST_SKIP() << "one rank is one group";
  const std::string text = gaussian + "posterior: {parameters: " + priors +
                           ", warmup: 10, draws: 8, chains: 3, max_depth: 3}\n"
                           "checkpoint: {every: 0}\n";
  const Outcome whole = run(text);
  ASSERT_TRUE(whole.code == 0 || whole.code == 3) << whole.message;
  const Numbers expected = read("/posterior/eta");
  for (const Index moment : {30, 70, 150}) {
    // Ranks of different groups come to their moments at different times.
    Index checks = 0;
    observe_termination_checks([&checks, moment] {
      if (++checks == moment) request_termination(SIGTERM);
    });
    const Outcome ended = run(text);
    observe_termination_checks({});
    forget_termination();
    EXPECT_EQ(ended.code, static_cast<int>(core::ExitCode::terminated)) << ended.message;
    const Outcome again = run(text);
    ASSERT_EQ(again.code, whole.code) << again.message;
    EXPECT_EQ(read("/posterior/eta"), expected) << "ended at " << moment;
  }
}

TEST_F(PosteriorJob, RefusesWhatHasNoPosterior) {
  expect_refused(gaussian + "posterior: {parameters: {eta: {}}}",
                 "the posterior may be improper: 'eta'");
  expect_refused(gaussian + "posterior: {parameters: {eta: {upper: 3, prior: \"uniform(4, 5)\"}}}",
                 "nowhere to go");
  expect_refused(gaussian + "posterior: {parameters: {eta: {prior: \"uniform(2, 5)\"}}}",
                 "begins at 1, which is not inside of its support");
  expect_refused(gaussian + "posterior: {parameters: " + priors + ", draws: 7}",
                 "R-hat compares the halves of chains");
  expect_refused(gaussian + "posterior: {parameters: {}}", "'posterior.parameters' is empty");
  expect_refused(gaussian + "posterior: {parameters: {etta: {}}}", "did you mean 'eta'?");
  expect_refused(gaussian + "posterior: {parameters: " + priors + ", metric: round}",
                 "must be one of diagonal, dense");
  expect_refused(gaussian + "posterior: {parameters: " + priors + ", target_acceptance: 1}",
                 "must be less than 1");
  const std::string flow =
      "task: posterior\nfilter: \"kron(I - r*W, eye(6))\"\nparameters: {r: 0}\n"
      "matrices: {W: {file: data.h5, dataset: /W}}\nmean: {columns: [\"kron(1, 1)\"]}\n";
  const std::string counts =
      flow + "posterior: {parameters: {r: {}}}\nobservations: {file: data.h5, dataset: ";
  expect_refused(counts + "/counts}\nfamily: negative_binomial",
                 "improper without a prior of 'theta'");
  expect_refused(counts + "/negative}\nfamily: poisson", "a count is negative");
  expect_refused(counts + "/broken}\nfamily: poisson", "a count is no whole number");
  expect_refused(flow +
                     "posterior: {parameters: {r: {}, sigma2: {prior: \"gamma(1, 1)\"}}}\n"
                     "observations: {file: data.h5, dataset: /flows}",
                 "inverse_gamma(shape, scale)");
}

TEST_F(PosteriorJob, ChainsThatHaveNotConvergedEndWithThree) {
  // Without any warm-up, from twice the width of the posterior, eight draws tell nothing.
  const Outcome outcome = run(gaussian + "posterior: {parameters: " + priors +
                              ", warmup: 0, draws: 8, chains: 4, max_depth: 1}");
  EXPECT_EQ(outcome.code, 3) << outcome.message;
  EXPECT_NE(outcome.message.find("R-hat"), std::string::npos) << outcome.message;
  EXPECT_EQ(read("/posterior/eta").size(), 32U);
}

TEST_F(PosteriorJob, DrawsOfAnotherConfigurationAreNotGoneOnWith) {
  const auto text = [&](int seed) {
    return gaussian + "posterior: {parameters: " + priors +
           ", warmup: 4, draws: 8, seed: " + std::to_string(seed) +
           ", max_depth: 2}\ncheckpoint: {every: 0}\n";
  };
  run(text(2));
  const Numbers expected = read("/posterior/eta");
  Index checks = 0;
  observe_termination_checks([&checks] {
    if (++checks == 30) request_termination(SIGTERM);
  });
  const Outcome ended = run(text(1));
  observe_termination_checks({});
  forget_termination();
  EXPECT_EQ(ended.code, static_cast<int>(core::ExitCode::terminated)) << ended.message;
  testing::internal::CaptureStderr();
  run(text(2));
  const std::string printed = testing::internal::GetCapturedStderr();
  EXPECT_EQ(printed.find("belongs to another configuration") != std::string::npos, comm_.is_root())
      << printed;
  EXPECT_EQ(read("/posterior/eta"), expected);
}

TEST_F(PosteriorJob, OneChainGetsANote) {
  const auto printed = [&](const std::string& chains) {
    testing::internal::CaptureStderr();
    run(gaussian + "posterior: {parameters: " + priors + ", warmup: 0, draws: 8, max_depth: 1" +
        chains + "}");
    return testing::internal::GetCapturedStderr();
  };
  const std::string note = "one chain is compared only with itself";
  EXPECT_EQ(printed(", chains: 1").find(note) != std::string::npos, comm_.is_root());
  EXPECT_EQ(printed(", chains: 2").find(note), std::string::npos);
}

}  // namespace
}  // namespace kronwerk::application
