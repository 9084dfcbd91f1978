// Log densities and draws of Gaussian models against dense formulas.
#include "end_to_end/gaussian/gaussian.hpp"

#include <limits>

#include "models/draws/sample_moments.hpp"

namespace kronwerk::end_to_end {
namespace {

using oracle::Matrix;

const std::string all_gradients =
    "gradient: {parameters: [eta, ls_s, ls_t, sigma, mu], input: true}\n";
const std::set<std::string> all_names{"eta", "ls_s", "ls_t", "sigma", "mu"};
const double nan = std::numeric_limits<double>::quiet_NaN();

/// -K⁻¹(y - m)
Numbers input_gradient(const Matrix& k, const Numbers& residual) {
  Numbers result = oracle::solve(k, residual);
  for (double& value : result) value = -value;
  return result;
}

/// [Q diag(λ) Qᵀ] with a reflection Q.
struct Eigen {
  Matrix vectors;
  Numbers values;
  Matrix matrix() const {
    Matrix diagonal(vectors.rows, vectors.rows);
    for (std::size_t i = 0; i < values.size(); ++i) {
      diagonal(static_cast<std::int64_t>(i), static_cast<std::int64_t>(i)) = values[i];
    }
    return oracle::multiply(vectors, oracle::multiply(diagonal, oracle::transpose(vectors)));
  }
};
Eigen random_eigen(const Numbers& values) {
  const auto n = std::ssize(values);
  const Numbers v = oracle::random_vector(n, 11);
  Eigen result{oracle::identity(n), values};
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      result.vectors(i, j) -=
          2 * v[static_cast<std::size_t>(i)] * v[static_cast<std::size_t>(j)] / dot(v, v);
    }
  }
  return result;
}
Matrix random_cholesky(std::int64_t n) {
  Matrix lower = oracle::random_matrix(n, n, 23);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = i; j < n; ++j) lower(i, j) = i == j ? 1.5 + lower(i, i) / 2 : 0;
  }
  return lower;
}

class LogDensity : public GaussianTest {};

TEST_F(LogDensity, OfSeveralObservationsWithAllDerivatives) {
  const auto total = [&](const Values& p) {
    double sum = 0;
    for (int o = 0; o < 3; ++o) {
      sum += oracle::log_density(covariance(p), shifted(piece(y_, o, cells), -p.at("mu")));
    }
    return sum;
  };
  for (const int np : {1, 2, 3}) {
    SCOPED_TRACE(np);
    const Result result = result_of(np, observing("logpdf", "/y3", all_gradients));
    EXPECT_EQ(result.shape("/result"), std::vector<std::int64_t>{3});
    Numbers values, by_input;
    for (int o = 0; o < 3; ++o) {
      const Numbers residual = shifted(piece(y_, o, cells), -0.5);
      values.push_back(oracle::log_density(covariance(truth), residual));
      for (const double g : input_gradient(covariance(truth), residual)) by_input.push_back(g);
    }
    EXPECT_LT(oracle::relative_error(result.values("/result"), values), 1e-12);
    EXPECT_EQ(result.shape("/gradient/input"), (std::vector<std::int64_t>{3, 5, 3}));
    EXPECT_LT(oracle::relative_error(result.values("/gradient/input"), by_input), 1e-11);
    expect_gradient(result, differences(total, truth, all_names));
    EXPECT_EQ(result.number("/report", "converged"), 1);
  }
}

TEST_F(LogDensity, OfOneTransformedObservation) {
  Numbers raw;
  for (std::size_t i = 0; i < cells; ++i) raw.push_back(std::exp(y_[i]));
  put("/raw", {15}, raw);
  const Result result =
      result_of(2, observing("logpdf", "/raw", "gradient: {input: true}\n", ", transform: log"));
  const Numbers residual = shifted(piece(y_, 0, cells), -0.5);
  EXPECT_NEAR(result.value("/result"), oracle::log_density(covariance(truth), residual), 1e-11);
  EXPECT_TRUE(result.shape("/result").empty());
  Numbers expected = input_gradient(covariance(truth), residual);
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i] /= raw[i];
  EXPECT_EQ(result.shape("/gradient/input"), std::vector<std::int64_t>{15});
  EXPECT_LT(oracle::relative_error(result.values("/gradient/input"), expected), 1e-11);
}

TEST_F(LogDensity, WithoutNoise) {
  std::string text = observing("logpdf", "/y3", "gradient: {parameters: [eta, ls_s, ls_t]}\n");
  text = replaced(replaced(text, " + sigma^2*I", ""), ", sigma: 0.4", "");
  const auto total = [&](const Values& p) {
    double sum = 0;
    for (int o = 0; o < 3; ++o) {
      sum += oracle::log_density(signal(p), shifted(piece(y_, o, cells), -0.5));
    }
    return sum;
  };
  const Result result = result_of(2, text);
  const Numbers values = result.values("/result");
  EXPECT_NEAR(values.at(0) + values.at(1) + values.at(2), total(truth), 1e-8);
  const Values expected = differences(total, truth, {"eta", "ls_s", "ls_t"});
  for (const auto& [name, value] : expected) {
    EXPECT_NEAR(result.value("/gradient/" + name), value, 1e-6 * std::abs(value)) << name;
  }
}

TEST_F(LogDensity, OfFactorsGivenAsCholeskyFactorAndEigenvectors) {
  const Matrix lower = random_cholesky(5);
  const Eigen eigen = random_eigen({0.3, 1.1, 2.7});
  put("/L", {5, 5}, lower.values);
  put("/E/vectors", {3, 3}, eigen.vectors.values);
  put("/E/values", {3}, eigen.values);
  const Matrix product =
      oracle::kron(oracle::multiply(lower, oracle::transpose(lower)), eigen.matrix());
  const std::string form = R"yaml(task: logpdf
parameters: {{eta: 1.3{}}}
matrices:
  A: {{file: data.h5, dataset: /L, given_as: cholesky}}
  B: {{file: data.h5, dataset: /E, given_as: eigen}}
covariance: "eta^2*kron(A, B){}"
observations: {{file: data.h5, dataset: /y}}
gradient: {{parameters: [eta{}], input: true}}
output: {{file: results/out.h5, overwrite: true}}
)yaml";
  const Numbers y = piece(y_, 0, cells);
  for (const bool noisy : {true, false}) {
    SCOPED_TRACE(noisy);
    const auto dense = [&](const Values& p) {
      const double sigma = noisy ? p.at("sigma") : 0;
      return oracle::add(p.at("eta") * p.at("eta"), product, sigma * sigma,
                         oracle::identity(cells));
    };
    const Result result =
        result_of(2, fmt::format(fmt::runtime(form), noisy ? ", sigma: 0.4" : "",
                                 noisy ? " + sigma^2*I" : "", noisy ? ", sigma" : ""));
    EXPECT_NEAR(result.value("/result"), oracle::log_density(dense(truth), y), 1e-10);
    EXPECT_LT(
        oracle::relative_error(result.values("/gradient/input"), input_gradient(dense(truth), y)),
        1e-11);
    const auto density = [&](const Values& p) { return oracle::log_density(dense(p), y); };
    expect_gradient(result, differences(density, truth,
                                        noisy ? std::set<std::string>{"eta", "sigma"}
                                              : std::set<std::string>{"eta"}));
  }
}

TEST_F(LogDensity, WithNoiseOfDiagonals) {
  const Numbers a{0.5, 2, 1, 3, 0.7};
  const Numbers b{1.5, 0.4, 1};
  put("/a", {5}, a);
  put("/b", {3}, b);
  std::string text = observing("logpdf", "/y",
                               all_gradients +
                                   "matrices: {a: {file: data.h5, dataset: /a}, "
                                   "b: {file: data.h5, dataset: /b}}\n");
  text = replaced(text, "sigma^2*I", "sigma^2*kron(diag(a), diag(b))");
  const auto dense = [&](const Values& p) {
    Matrix k = signal(p);
    for (std::int64_t i = 0; i < cells; ++i) {
      k(i, i) += p.at("sigma") * p.at("sigma") * a[static_cast<std::size_t>(i / 3)] *
                 b[static_cast<std::size_t>(i % 3)];
    }
    return k;
  };
  const auto density = [&](const Values& p) {
    return oracle::log_density(dense(p), shifted(piece(y_, 0, cells), -p.at("mu")));
  };
  for (const int np : {1, 3}) {
    const Result result = result_of(np, text);
    EXPECT_NEAR(result.value("/result"), density(truth), 1e-11);
    expect_gradient(result, differences(density, truth, all_names));
    EXPECT_LT(
        oracle::relative_error(result.values("/gradient/input"),
                               input_gradient(dense(truth), shifted(piece(y_, 0, cells), -0.5))),
        1e-11);
  }
}

TEST_F(LogDensity, WithARegression) {
  const Numbers trend{-1, 0.2, 1.4};
  put("/trend", {3}, trend);
  std::string text = observing(
      "logpdf", "/y", all_gradients + "matrices: {trend: {file: data.h5, dataset: /trend}}\n");
  text = replaced(text, "mean: mu", "mean: {columns: [\"kron(1, 1)\", \"kron(1, trend)\"]}");
  text = replaced(replaced(text, "mu: 0.5, ", ""), ", mu]", "]");
  Matrix columns(cells, 2);
  for (std::int64_t i = 0; i < cells; ++i) {
    columns(i, 0) = 1;
    columns(i, 1) = trend[static_cast<std::size_t>(i % 3)];
  }
  const Numbers y = piece(y_, 0, cells);
  const auto residual = [&](const Values& p) {
    const auto found = oracle::least_squares(covariance(p), columns, y);
    return oracle::minus(y, oracle::multiply(columns, found.coefficients));
  };
  const auto density = [&](const Values& p) {
    return oracle::log_density(covariance(p), residual(p));
  };
  const Result result = result_of(3, text);
  const auto expected = oracle::least_squares(covariance(truth), columns, y);
  EXPECT_NEAR(result.value("/result"), density(truth), 1e-11);
  EXPECT_LT(oracle::relative_error(result.values("/mean/coefficients"), expected.coefficients),
            1e-11);
  EXPECT_LT(oracle::relative_error(result.values("/mean/covariance"), expected.covariance.values),
            1e-11);
  expect_gradient(result, differences(density, truth, {"eta", "ls_s", "ls_t", "sigma"}));
  EXPECT_LT(oracle::relative_error(result.values("/gradient/input"),
                                   input_gradient(covariance(truth), residual(truth))),
            1e-11);
}

class MissingCells : public GaussianTest {
 protected:
  /// Log density and derivatives of the cells of /gaps (or of /y3 under a mask) that are not NaN.
  void check(int np, const std::string& text, const Numbers& values) const {
    SCOPED_TRACE(fmt::format("np {}", np));
    const auto observations = std::ssize(values) / cells;
    Numbers expected, by_input(values.size(), 0.0);
    const auto total = [&](const Values& p, Numbers& each) {
      double sum = 0;
      for (std::int64_t o = 0; o < observations; ++o) {
        const auto places = observed(piece(values, o, cells));
        each.push_back(
            oracle::log_density(submatrix(covariance(p), places, places),
                                shifted(chosen(piece(values, o, cells), places), -p.at("mu"))));
        sum += each.back();
      }
      return sum;
    };
    total(truth, expected);
    for (std::int64_t o = 0; o < observations; ++o) {
      const auto places = observed(piece(values, o, cells));
      const Numbers gradient =
          input_gradient(submatrix(covariance(truth), places, places),
                         shifted(chosen(piece(values, o, cells), places), -0.5));
      for (std::size_t i = 0; i < places.size(); ++i) {
        by_input[static_cast<std::size_t>(o * cells + places[i])] = gradient[i];
      }
    }
    const Result result = result_of(np, text);
    EXPECT_LT(oracle::relative_error(result.values("/result"), expected), 1e-10);
    EXPECT_LT(oracle::relative_error(result.values("/gradient/input"), by_input), 1e-9);
    EXPECT_FALSE(result.has("/standard_error"));
    const auto density = [&](const Values& p) {
      Numbers ignored;
      return total(p, ignored);
    };
    expect_gradient(result, differences(density, truth, all_names));
  }
  static std::vector<std::int64_t> observed(const Numbers& values) {
    std::vector<std::int64_t> places;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!std::isnan(values[i])) places.push_back(static_cast<std::int64_t>(i));
    }
    return places;
  }
};

TEST_F(MissingCells, ScatteredAndTheSameInAllObservations) {
  Numbers values = y_;
  for (const std::size_t cell : {1UL, 6UL, 7UL, 14UL}) {
    for (std::size_t o = 0; o < 3; ++o) values[o * cells + cell] = nan;
  }
  put("/gaps", {3, 5, 3}, values);
  for (const int np : {1, 2, 3}) {
    check(np, observing("logpdf", "/gaps", all_gradients, ", missing: nan"), values);
  }
}

TEST_F(MissingCells, OthersInEachObservation) {
  Numbers values = y_;
  for (const std::size_t cell : {2UL, 15UL, 20UL, 33UL, 34UL}) values[cell] = nan;
  put("/gaps", {3, 5, 3}, values);
  check(2, observing("logpdf", "/gaps", all_gradients, ", missing: nan"), values);
}

TEST_F(MissingCells, UnderAMaskForAllObservations) {
  Numbers values = y_;
  Numbers mask(cells, 1.0);
  for (const std::size_t cell : {0UL, 4UL, 11UL}) {
    mask[cell] = 0;
    for (std::size_t o = 0; o < 3; ++o) values[o * cells + cell] = nan;
  }
  put("/mask", {5, 3}, mask);
  check(3, observing("logpdf", "/y3", all_gradients, ", mask: {file: data.h5, dataset: /mask}"),
        values);
}

/// More missing cells than are factorised: the determinant and its derivatives are estimates.
TEST_F(MissingCells, AnEstimatedDeterminantHasItsErrors) {
  constexpr std::int64_t rows = 80, cols = 64;
  Numbers s, t;
  for (std::int64_t i = 0; i < rows; ++i) s.push_back(0.6 * static_cast<double>(i));
  for (std::int64_t j = 0; j < cols; ++j) t.push_back(1.1 * static_cast<double>(j));
  put("/s", {rows}, s);
  put("/t", {cols}, t);
  Numbers values = oracle::random_vector(rows * cols, 9);
  const Numbers gaps = oracle::random_vector(rows * cols, 10);
  std::vector<std::int64_t> places;
  for (std::size_t i = 0; i < values.size(); ++i) {
    // All slices have an observation.
    if (gaps[i] < 0.7 && i % (cols + 1) != 0) {
      values[i] = nan;
    } else {
      places.push_back(static_cast<std::int64_t>(i));
    }
  }
  ASSERT_GT(std::ssize(values) - std::ssize(places), 4000);
  put("/gaps", {rows, cols}, values);
  const Result result = result_of(
      2, observing("logpdf", "/gaps", "gradient: {parameters: [sigma]}\nsolver: {probes: 4}\n",
                   ", missing: nan"));
  const auto product = oracle::kron(rbf(s, s, 0.9), exponential(t, t, 1.7));
  auto k = submatrix(oracle::add(1.3 * 1.3, product, 0, product), places, places);
  for (std::int64_t i = 0; i < k.rows; ++i) k(i, i) += 0.16;
  const double exact = oracle::log_density(k, shifted(chosen(values, places), -0.5));
  const double error = result.value("/standard_error");
  EXPECT_GT(error, 0);
  EXPECT_GT(result.value("/quadrature_error"), 0);
  EXPECT_LT(result.value("/quadrature_error"), 0.1 * error);
  EXPECT_NEAR(result.value("/result"), exact, 6 * error + result.value("/quadrature_error"));
  EXPECT_GT(result.value("/gradient_standard_error/sigma"), 0);
  EXPECT_GT(result.value("/gradient_bias_bound/sigma"), 0);
  EXPECT_LT(result.value("/gradient_bias_bound/sigma"),
            0.1 * result.value("/gradient_standard_error/sigma"));
}

TEST_F(MissingCells, AWholeSliceIsLeftOut) {
  for (const bool others : {false, true}) {
    SCOPED_TRACE(others);
    Numbers values = piece(y_, 0, cells);
    for (std::size_t cell = 6; cell < 9; ++cell) values[cell] = nan;
    if (others) values[0] = values[13] = nan;
    put(others ? "/more" : "/slice", {5, 3}, values);
    const std::string text =
        observing("logpdf", others ? "/more" : "/slice", all_gradients, ", missing: nan");
    for (const int np : {1, 2, 3}) check(np, text, values);
    const Outcome outcome = run(2, text);
    EXPECT_EQ(outcome.count("4 x 3 cells (of 5 x 3: slices without observations are left out)"), 1)
        << outcome.output;
  }
}

TEST_F(MissingCells, AWholeSliceWithARegressionAndNoiseOfDiagonals) {
  const Numbers trend{0.3, -1, 0.2, 1.4, 2};
  const Numbers a{0.5, 2, 1, 3, 0.7};
  put("/trend", {5}, trend);
  put("/a", {5}, a);
  Numbers y = piece(y_, 0, cells);
  for (const std::size_t cell : {3UL, 4UL, 5UL, 12UL}) y[cell] = nan;
  put("/slice", {5, 3}, y);
  std::string text = observing("logpdf", "/slice",
                               "matrices: {a: {file: data.h5, dataset: /a}, "
                               "trend: {file: data.h5, dataset: /trend}}\n",
                               ", missing: nan");
  text = replaced(text, "mean: mu", "mean: {columns: [\"kron(trend, 1)\"]}");
  text = replaced(replaced(text, "mu: 0.5, ", ""), "sigma^2*I", "sigma^2*kron(diag(a), I)");
  Matrix k = signal(truth);
  Matrix columns(cells, 1);
  for (std::int64_t i = 0; i < cells; ++i) {
    k(i, i) += 0.16 * a[static_cast<std::size_t>(i / 3)];
    columns(i, 0) = trend[static_cast<std::size_t>(i / 3)];
  }
  const auto places = observed(y);
  k = submatrix(k, places, places);
  const Matrix x = submatrix(columns, places, {0});
  const auto expected = oracle::least_squares(k, x, chosen(y, places));
  const Numbers residual =
      oracle::minus(chosen(y, places), oracle::multiply(x, expected.coefficients));
  const Result result = result_of(2, text);
  EXPECT_NEAR(result.value("/result"), oracle::log_density(k, residual), 1e-9);
  EXPECT_NEAR(result.value("/mean/coefficients"), expected.coefficients[0], 1e-9);
}

class Sample : public GaussianTest {};

TEST_F(Sample, HasTheModelsMomentsAndIsTheSameForEveryNumberOfRanks) {
  const std::string text = job("sample", "draws: 4000\nseed: 3\n");
  Numbers first;
  for (const int np : {1, 2, 3}) {
    const Result result = result_of(np, text);
    EXPECT_EQ(result.shape("/result"), (std::vector<std::int64_t>{4000, 5, 3}));
    const Numbers draws = result.values("/result");
    if (first.empty()) first = draws;
    EXPECT_LT(oracle::relative_error(draws, first), 1e-13) << "np " << np;
  }
  models::SampleMoments moments(Numbers(cells, 0.5));
  moments.add(first);
  moments.expect(covariance(truth));
  const Result one = result_of(2, replaced(text, "draws: 4000", "draws: 1"));
  EXPECT_EQ(one.shape("/result"), (std::vector<std::int64_t>{5, 3}));
  EXPECT_LT(oracle::relative_error(one.values("/result"), piece(first, 0, cells)), 1e-13);
  const Result other = result_of(2, replaced(text, "seed: 3", "seed: 4"));
  EXPECT_GT(oracle::relative_error(other.values("/result"), first), 0.5);
}

TEST_F(Sample, AddsTheColumnsOfTheMean) {
  put("/trend", {5}, {1, 2, 3, 4, 5});
  std::string text = replaced(job("sample", "draws: 2\n"), "mu: 0.5, ", "");
  const Result without = result_of(2, replaced(text, "mean: mu\n", ""));
  const Numbers expected = without.values("/result");
  text = replaced(text, "mean: mu",
                  "matrices: {trend: {file: data.h5, dataset: /trend}}\n"
                  "mean: {columns: [\"kron(1, 1)\", \"kron(trend, 1)\"], coefficients: [2, -0.5]}");
  const Numbers draws = result_of(2, text).values("/result");
  ASSERT_EQ(draws.size(), expected.size());
  for (std::size_t i = 0; i < draws.size(); ++i) {
    const double mean = 2 - 0.5 * (1 + static_cast<double>(i % cells / 3));
    EXPECT_NEAR(draws[i], expected[i] + mean, 1e-13);
  }
}

}  // namespace
}  // namespace kronwerk::end_to_end
