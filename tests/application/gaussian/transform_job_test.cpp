// Jobs whose observations are transformed: densities and predictions on the scale before.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "application/job_test.hpp"
#include "kronwerk/io/files/data_file.hpp"
#include "kronwerk/models/draws/original_scale.hpp"

namespace kronwerk::application {
namespace {

using core::Index;

constexpr Index cells = 12;

class TransformJob : public JobTest {
 protected:
  TransformJob() {
    for (Index i = 0; i < 2 * cells; ++i) {
      values_.push_back(0.6 + std::abs(std::sin(3.7 * static_cast<double>(i))));
    }
    write(values_);
  }

  void write(Numbers values) const {
    comm_.barrier();
    make_data([&](io::DataFile& file) {
      file.write_dense("/s", core::Extents{4}, Numbers{0, 0.7, 1.9, 3});
      file.write_dense("/t", core::Extents{3}, Numbers{0, 1, 2});
      file.write_dense("/y", core::Extents{2, 4, 3}, values);
      values[5] = values[cells + 7] = std::nan("");
      file.write_dense("/gaps", core::Extents{2, 4, 3}, values);
    });
    comm_.barrier();
  }

  static std::string job(const std::string& task, const std::string& observations,
                         const std::string& more = "") {
    return "task: " + task + R"yaml(
parameters: {e: 0.9, sigma: 0.4}
kernels:
  S: {formula: "exponential(d, 1.5)", points: {file: data.h5, dataset: /s}}
  T: {formula: "exponential(d, 2)", points: {file: data.h5, dataset: /t}}
covariance: "e^2*kron(S, T) + sigma^2*I"
mean: 0.3
observations: {file: data.h5, dataset: )yaml" +
           observations + "}\n" + more;
  }

  Numbers densities(const std::string& observations, const std::string& more = "") const {
    expect_done(job("logpdf", observations, more));
    return read("/result");
  }

  Numbers values_;
};

double log_derivative(const std::string& transform, double x) {
  if (transform == "log") return -std::log(x);
  if (transform == "log1p") return -std::log(1 + x);
  if (transform == "sqrt") return -std::log(2 * std::sqrt(x));
  if (transform == "square") return std::log(2 * x);
  return x;  // exp
}

TEST_F(TransformJob, DensitiesHaveTheJacobianOfWhatWasObserved) {
  for (const std::string transform : {"log", "log1p", "sqrt", "square", "exp"}) {
    for (const bool gaps : {false, true}) {
      const std::string observations =
          (gaps ? "/gaps, missing: nan, transform: " : "/y, transform: ") + transform;
      const Numbers without = densities(observations);
      const Numbers with = densities(observations, "jacobian: true\n");
      for (Index o = 0; o < 2; ++o) {
        double expected = 0;
        for (Index i = 0; i < cells; ++i) {
          if (gaps && i == (o == 0 ? 5 : 7)) continue;
          expected += log_derivative(transform, values_[static_cast<std::size_t>(o * cells + i)]);
        }
        const auto at = static_cast<std::size_t>(o);
        EXPECT_NEAR(with[at] - without[at], expected, 1e-11) << transform;
      }
    }
  }
}

TEST_F(TransformJob, GradientsByObservationsAreThoseOfTheWholeDensity) {
  for (const std::string transform : {"log", "log1p", "sqrt", "square", "exp"}) {
    const std::string observations = "/y, transform: " + transform;
    const std::string more = "jacobian: true\n";
    static_cast<void>(densities(observations, more + "gradient: {input: true}\n"));
    const Numbers gradient = read("/gradient/input");
    constexpr double step = 1e-5;
    double change = 0;
    for (const double sign : {1.0, -1.0}) {
      Numbers moved = values_;
      moved[4] += sign * step;
      write(moved);
      const Numbers found = densities(observations, more);
      change += sign * (found[0] + found[1]);
    }
    write(values_);
    EXPECT_NEAR(gradient[4], change / (2 * step), 1e-7) << transform;
  }
}

TEST_F(TransformJob, FitsReportTheDensityBeforeTheTransform) {
  const std::string fit = "fit: {parameters: {e: {}, sigma: {}}}\n";
  expect_done(job("fit", "/y, transform: log", fit));
  const double without = read("/log_density")[0];
  const double e = read("/parameters/e")[0];
  expect_done(job("fit", "/y, transform: log", fit + "jacobian: true\n"));
  double expected = 0;
  for (const double x : values_) expected -= std::log(x);
  EXPECT_NEAR(read("/log_density")[0] - without, expected, 1e-6);
  EXPECT_NEAR(read("/parameters/e")[0], e, 1e-3);
}

TEST_F(TransformJob, PredictionsAreGivenOnTheScaleBeforeTheTransform) {
  using models::OriginalScale;
  const std::vector<std::pair<std::string, OriginalScale>> scales{{"none", OriginalScale::same},
                                                                  {"log", OriginalScale::log},
                                                                  {"log1p", OriginalScale::log1p},
                                                                  {"sqrt", OriginalScale::sqrt}};
  for (const auto& [transform, scale] : scales) {
    for (const bool gaps : {false, true}) {
      expect_done(job("predict",
                      (gaps ? "/gaps, missing: nan, transform: " : "/y, transform: ") + transform +
                          ", quantiles: [0.025, 0.5, 0.975]",
                      "noise: true\n"));
      const Numbers mean = read("/mean"), variance = read("/variance");
      const Numbers original = read("/observations/mean");
      const Numbers spread = read("/observations/variance");
      const Numbers quantiles = read("/observations/quantiles");
      EXPECT_EQ(read("/observations/levels"), (Numbers{0.025, 0.5, 0.975}));
      ASSERT_EQ(std::ssize(quantiles), 3 * 2 * cells);
      for (std::size_t i = 0; i < mean.size(); ++i) {
        const double own = variance[i % variance.size()];
        const auto moments = models::original_moments(scale, mean[i], own);
        EXPECT_NEAR(original[i], moments.mean, 1e-12);
        EXPECT_NEAR(spread[i], moments.variance, 1e-12);
        const double levels[] = {0.025, 0.5, 0.975};
        for (std::size_t q = 0; q < 3; ++q) {
          EXPECT_NEAR(quantiles[q * mean.size() + i],
                      models::original_quantile(scale, mean[i], own, levels[q]), 1e-11);
        }
      }
    }
  }
}

TEST_F(TransformJob, SquaresAndExponentialsHaveQuantilesWhereTheGaussianIsPositive) {
  // A wide band, which goes below 0 in some cells.
  const std::string levels = ", quantiles: [0.01, 0.5, 0.99]";
  for (const std::string transform : {"square", "exp"}) {
    for (const std::string gaps : {"/y", "/gaps, missing: nan"}) {
      expect_done(job("predict", gaps + ", transform: " + transform + levels, "noise: true\n"),
                  {"parameters.sigma=0.9"});
      const Numbers mean = read("/mean"), variance = read("/variance");
      const Numbers quantiles = read("/observations/quantiles", "out.h5", true);
      const double z[] = {-2.3263478740408408, 0, 2.3263478740408408};
      Index none = 0;
      for (std::size_t i = 0; i < quantiles.size(); ++i) {
        const std::size_t cell = i % mean.size();
        const double own = variance[cell % variance.size()];
        const double gaussian = mean[cell] + z[i / mean.size()] * std::sqrt(own);
        none += gaussian < 0 ? 1 : 0;
        EXPECT_EQ(std::isnan(quantiles[i]), gaussian < 0) << transform << " " << i;
        if (gaussian < 0) continue;
        EXPECT_NEAR(quantiles[i], transform == "exp" ? std::log(gaussian) : std::sqrt(gaussian),
                    1e-9 / gaussian);
      }
      EXPECT_GT(none, 0) << transform;
      EXPECT_LT(none, std::ssize(quantiles) / 2) << transform;
      EXPECT_THROW(read("/observations/mean"), core::Error);
    }
  }
}

TEST_F(TransformJob, RefusesWhatHasNoScaleBefore) {
  expect_refused(job("logpdf", "/y", "jacobian: true\n"),
                 "'jacobian' is that of 'observations.transform', which is not given");
  Numbers negative = values_;
  negative[7] = -0.3;
  write(negative);
  expect_refused(job("predict", "/y, transform: square, quantiles: [0.5]"),
                 "some observations are negative, whose squares do not say that they were");
  write(values_);
  expect_refused(job("predict", "/y, transform: log, quantiles: [0.5]", "variance: false\n"),
                 "'observations.quantiles' take the variance");
  expect_refused(job("predict", "/y, transform: log, quantiles: [1]"),
                 "a quantile's probability is below 1");
  Numbers zero = values_;
  zero[3] = 0;
  write(zero);
  expect_refused(job("logpdf", "/y, transform: square", "jacobian: true\n"),
                 "the transform's derivative is zero or infinite");
}

}  // namespace
}  // namespace kronwerk::application
