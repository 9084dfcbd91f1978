// Posterior means, variances, covariances and draws against dense formulas.
#include <limits>

#include "end_to_end/gaussian/gaussian.hpp"
#include "models/draws/sample_moments.hpp"

namespace kronwerk::end_to_end {
namespace {

using oracle::Matrix;
using oracle::Posterior;

const std::string at_new_points = "new_points: {Ks: {file: data.h5, dataset: /s_new}}\n";
constexpr std::int64_t new_cells = 12;

class Predict : public GaussianTest {
 protected:
  /// Given the cells of y that are not NaN; at the points of `where`.
  static Posterior expected(const Numbers& y, const Numbers& where) {
    std::vector<std::int64_t> places;
    for (std::size_t i = 0; i < y.size(); ++i) {
      if (!std::isnan(y[i])) places.push_back(static_cast<std::int64_t>(i));
    }
    const Matrix cross = signal(truth, where, space);
    auto posterior = oracle::posterior(
        submatrix(covariance(truth), places, places), submatrix(cross, all_of(cross.rows), places),
        signal(truth, where, where), shifted(chosen(y, places), -truth.at("mu")));
    posterior.mean = shifted(posterior.mean, truth.at("mu"));
    return posterior;
  }
  static Matrix noisy(const Matrix& k) {
    return oracle::add(1, k, std::pow(truth.at("sigma"), 2), oracle::identity(k.rows));
  }
  static void expect_moments(const Numbers& draws, const Numbers& mean, const Matrix& covariance) {
    models::SampleMoments moments(mean);
    moments.add(draws);
    moments.expect(covariance);
  }
};

TEST_F(Predict, AtNewPointsOfOneModeForSeveralObservations) {
  const Numbers variance = diagonal(expected(piece(y_, 0, cells), new_space).covariance);
  for (const int np : {1, 2, 3}) {
    for (const bool noise : {false, true}) {
      SCOPED_TRACE(fmt::format("np {}, noise {}", np, noise));
      const Result result = result_of(
          np, observing("predict", "/y3", at_new_points + fmt::format("noise: {}\n", noise)));
      EXPECT_EQ(result.shape("/mean"), (std::vector<std::int64_t>{3, 4, 3}));
      EXPECT_EQ(result.shape("/variance"), (std::vector<std::int64_t>{4, 3}));
      Numbers mean;
      for (int o = 0; o < 3; ++o) {
        for (const double m : expected(piece(y_, o, cells), new_space).mean) mean.push_back(m);
      }
      EXPECT_LT(oracle::relative_error(result.values("/mean"), mean), 1e-11);
      EXPECT_LT(
          oracle::relative_error(result.values("/variance"), shifted(variance, noise ? 0.16 : 0)),
          1e-10);
      EXPECT_FALSE(result.has("/draws"));
    }
  }
}

TEST_F(Predict, AtTheObservedPointsWithoutVariance) {
  const Result result = result_of(2, observing("predict", "/y", "variance: false\n"));
  EXPECT_LT(
      oracle::relative_error(result.values("/mean"), expected(piece(y_, 0, cells), space).mean),
      1e-11);
  EXPECT_FALSE(result.has("/variance"));
}

TEST_F(Predict, DrawsJointly) {
  const Posterior posterior = expected(piece(y_, 0, cells), new_space);
  const std::string text = observing("predict", "/y", at_new_points + "draws: 3000\nseed: 5\n");
  Numbers first;
  for (const int np : {1, 2, 3}) {
    const Result result = result_of(np, text);
    EXPECT_EQ(result.shape("/draws"), (std::vector<std::int64_t>{3000, 4, 3}));
    if (first.empty()) first = result.values("/draws");
    EXPECT_LT(oracle::relative_error(result.values("/draws"), first), 1e-12) << "np " << np;
  }
  expect_moments(first, posterior.mean, posterior.covariance);
  const Result with_noise = result_of(2, text + "noise: true\n");
  expect_moments(with_noise.values("/draws"), posterior.mean, noisy(posterior.covariance));
  const Result several =
      result_of(2, observing("predict", "/y3", at_new_points + "draws: 2\nseed: 5\n"));
  EXPECT_EQ(several.shape("/draws"), (std::vector<std::int64_t>{3, 2, 4, 3}));
  EXPECT_LT(oracle::relative_error(piece(several.values("/draws"), 0, 2 * new_cells),
                                   piece(first, 0, 2 * new_cells)),
            1e-12);
}

TEST_F(Predict, FactorsOfTheCovariance) {
  const Result result =
      result_of(3, observing("predict", "/y", at_new_points + "factored_covariance: true\n"));
  const std::string term = "/covariance/term/1";
  EXPECT_FALSE(result.has("/covariance/term/2"));
  const auto product = [&](const std::string& name) {
    std::vector<Matrix> factors;
    for (int k = 1; k <= 2; ++k) {
      const std::string path = fmt::format("{}/{}/{}", term, name, k);
      const auto shape = result.shape(path);
      factors.emplace_back(shape.at(0), shape.at(1), result.values(path));
    }
    return oracle::kron(factors);
  };
  // e over the observed grid, from the terms of the spectrum.
  Numbers e(cells, 0.0);
  for (int t = 1; result.has(fmt::format("/covariance/spectrum/{}", t)); ++t) {
    const std::string path = fmt::format("/covariance/spectrum/{}", t);
    std::vector<Numbers> lists{Numbers(5, 1.0), Numbers(3, 1.0)};
    for (std::size_t k = 0; k < 2; ++k) {
      const std::string list = fmt::format("{}/eigenvalues/{}", path, k + 1);
      if (result.has(path + "/eigenvalues") && result.has(list)) lists[k] = result.values(list);
    }
    for (std::size_t i = 0; i < cells; ++i) {
      e[i] += result.value(path + "/coefficient") * lists[0][i / 3] * lists[1][i % 3];
    }
  }
  const double scale = result.value(term + "/scale");
  const Matrix projected = product("projected");
  Matrix divided = projected;
  for (std::int64_t i = 0; i < divided.rows; ++i) {
    for (std::int64_t j = 0; j < divided.cols; ++j) {
      divided(i, j) *= scale * scale / e[static_cast<std::size_t>(j)];
    }
  }
  const Matrix covariance = oracle::add(scale, product("prior"), -1,
                                        oracle::multiply(divided, oracle::transpose(projected)));
  EXPECT_LT(oracle::relative_error(covariance, expected(piece(y_, 0, cells), new_space).covariance),
            1e-10);
}

TEST_F(Predict, WithARegression) {
  const Numbers trend{-1, 0.2, 1.4};
  put("/trend", {3}, trend);
  std::string text = observing(
      "predict", "/y", at_new_points + "matrices: {trend: {file: data.h5, dataset: /trend}}\n");
  text = replaced(replaced(text, "mu: 0.5, ", ""), "mean: mu",
                  "mean: {columns: [\"kron(1, 1)\", \"kron(1, trend)\"]}");
  const auto columns = [&](std::int64_t rows) {
    Matrix x(rows, 2);
    for (std::int64_t i = 0; i < rows; ++i) {
      x(i, 0) = 1;
      x(i, 1) = trend[static_cast<std::size_t>(i % 3)];
    }
    return x;
  };
  const Numbers y = piece(y_, 0, cells);
  const Matrix k = covariance(truth);
  const auto beta = oracle::least_squares(k, columns(cells), y).coefficients;
  const Numbers residual = oracle::minus(y, oracle::multiply(columns(cells), beta));
  Numbers mean = oracle::multiply(signal(truth, new_space, space), oracle::solve(k, residual));
  const Numbers fixed = oracle::multiply(columns(new_cells), beta);
  for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += fixed[i];
  const Result result = result_of(2, text);
  EXPECT_LT(oracle::relative_error(result.values("/mean"), mean), 1e-10);
}

class PredictMissing : public Predict {
 protected:
  void SetUp() override {
    Predict::SetUp();
    if (program_.empty()) return;
    const double nan = std::numeric_limits<double>::quiet_NaN();
    for (const std::size_t cell : {1UL, 5UL, 14UL, 15UL, 30UL, 34UL}) y_[cell] = nan;
    put("/gaps", {3, 5, 3}, y_);
    one_ = piece(y_, 0, cells);
    put("/one", {5, 3}, one_);
    // The third place was not observed at all, nor was one cell elsewhere.
    slice_ = piece(y_, 0, cells);
    for (const std::size_t cell : {6UL, 7UL, 8UL}) slice_[cell] = nan;
    put("/slice", {5, 3}, slice_);
  }
  static std::string job_of(const std::string& dataset, const std::string& rest) {
    return observing("predict", dataset, rest, ", missing: nan");
  }
  static void check(const Result& result, const Posterior& posterior) {
    EXPECT_LT(oracle::relative_error(result.values("/mean"), posterior.mean), 1e-9);
    EXPECT_LT(oracle::relative_error(result.values("/variance"), diagonal(posterior.covariance)),
              1e-9);
  }

  Numbers one_;
  Numbers slice_;
};

TEST_F(PredictMissing, AtTheObservedGridAndAtNewPoints) {
  for (const int np : {1, 2, 3}) {
    SCOPED_TRACE(np);
    check(result_of(np, job_of("/one", "")), expected(one_, space));
    check(result_of(np, job_of("/one", at_new_points)), expected(one_, new_space));
    check(result_of(np, job_of("/slice", "")), expected(slice_, space));
    check(result_of(np, job_of("/slice", at_new_points)), expected(slice_, new_space));
  }
}

TEST_F(PredictMissing, HasAVarianceForEachObservation) {
  const Result result = result_of(2, job_of("/gaps", at_new_points + "noise: true\n"));
  EXPECT_EQ(result.shape("/variance"), (std::vector<std::int64_t>{3, 4, 3}));
  for (int o = 0; o < 3; ++o) {
    const Posterior posterior = expected(piece(y_, o, cells), new_space);
    EXPECT_LT(oracle::relative_error(piece(result.values("/mean"), o, new_cells), posterior.mean),
              1e-9);
    EXPECT_LT(oracle::relative_error(piece(result.values("/variance"), o, new_cells),
                                     diagonal(noisy(posterior.covariance))),
              1e-9);
  }
}

TEST_F(PredictMissing, DrawsFromThePosteriorOfWhatWasObserved) {
  for (const bool slice : {false, true}) {
    SCOPED_TRACE(slice);
    const Posterior posterior = expected(slice ? slice_ : one_, new_space);
    const std::string text =
        job_of(slice ? "/slice" : "/one", at_new_points + "draws: 2000\nseed: 8\n");
    const Numbers draws = result_of(1, text).values("/draws");
    expect_moments(draws, posterior.mean, posterior.covariance);
    EXPECT_LT(oracle::relative_error(result_of(3, text).values("/draws"), draws), 1e-8);
  }
}

}  // namespace
}  // namespace kronwerk::end_to_end
