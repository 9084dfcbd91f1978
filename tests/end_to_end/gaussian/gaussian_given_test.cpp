// Covariance factors that are given as Cholesky factors or eigenvectors are the covariances that
// these stand for, in every formula and task.
#include "end_to_end/gaussian/gaussian.hpp"
#include "models/draws/sample_moments.hpp"

namespace kronwerk::end_to_end {
namespace {

using oracle::Matrix;

/// Q diag(λ) Qᵀ with a reflection Q.
struct Eigen {
  Matrix vectors;
  Numbers values;
  Matrix matrix() const {
    Matrix scaled = vectors;
    for (std::int64_t i = 0; i < scaled.rows; ++i) {
      for (std::int64_t j = 0; j < scaled.cols; ++j) {
        scaled(i, j) *= values[static_cast<std::size_t>(j)];
      }
    }
    return oracle::multiply(scaled, oracle::transpose(vectors));
  }
};

class Given : public GaussianTest {
 protected:
  void SetUp() override {
    GaussianTest::SetUp();
    if (program_.empty()) return;
    Matrix lower = oracle::random_matrix(5, 5, 23);
    for (std::int64_t i = 0; i < 5; ++i) {
      for (std::int64_t j = i; j < 5; ++j) lower(i, j) = i == j ? 1.5 + lower(i, i) / 2 : 0;
    }
    a_ = oracle::multiply(lower, oracle::transpose(lower));
    put("/A", {5, 5}, lower.values);
    // Symmetric: taken for the covariance it would pass every check.
    Matrix diagonal(5, 5);
    for (std::int64_t i = 0; i < 5; ++i) diagonal(i, i) = 0.5 + 0.4 * static_cast<double>(i);
    d_ = oracle::multiply(diagonal, diagonal);
    put("/D", {5, 5}, diagonal.values);
    put("/v", {5}, oracle::multiply(diagonal, Numbers(5, 1.0)));
    const Numbers v = oracle::random_vector(3, 11);
    Eigen eigen{oracle::identity(3), {0.3, 1.1, 2.7}};
    for (std::int64_t i = 0; i < 3; ++i) {
      for (std::int64_t j = 0; j < 3; ++j) {
        eigen.vectors(i, j) -=
            2 * v[static_cast<std::size_t>(i)] * v[static_cast<std::size_t>(j)] / oracle::dot(v, v);
      }
    }
    b_ = eigen.matrix();
    put("/B/vectors", {3, 3}, eigen.vectors.values);
    put("/B/values", {3}, eigen.values);
  }

  /// @param first  "A" or "D", for the first mode
  static std::string job_of(const std::string& task, const std::string& first,
                            const std::string& formula, const std::string& rest) {
    return fmt::format(R"yaml(task: {}
parameters: {{eta: 1.3, sigma: 0.4}}
matrices:
  A: {{file: data.h5, dataset: /{}, given_as: cholesky}}
  B: {{file: data.h5, dataset: /B, given_as: eigen}}
covariance: "{}"
output: {{file: results/out.h5, overwrite: true}}
{})yaml",
                       task, first, formula, rest);
  }

  struct Case {
    std::string formula;
    /// Of A, B, η and σ.
    std::function<Matrix(const Matrix&, const Matrix&, double, double)> dense;
    bool noisy = true;
  };
  static const std::vector<Case>& cases() {
    using oracle::add;
    using oracle::identity;
    using oracle::kron;
    static const std::vector<Case> all{
        {"eta^2*kron(A, B) + sigma^2*kron(I, B)",
         [](const Matrix& a, const Matrix& b, double eta, double sigma) {
           return add(eta * eta, kron(a, b), sigma * sigma, kron(identity(5), b));
         },
         false},
        {"eta^2*kron(A, B) + kron(A, I) + sigma^2*I",
         [](const Matrix& a, const Matrix& b, double eta, double sigma) {
           return add(1, add(eta * eta, kron(a, b), 1, kron(a, identity(3))), sigma * sigma,
                      identity(15));
         }},
        {"eta^2*kron(A + 0.5*I, B) + sigma^2*I",
         [](const Matrix& a, const Matrix& b, double eta, double sigma) {
           return add(eta * eta, kron(add(1, a, 0.5, identity(5)), b), sigma * sigma, identity(15));
         }},
        {"eta^2*kron(A, 2*B + B*B) + sigma^2*I",
         [](const Matrix& a, const Matrix& b, double eta, double sigma) {
           return add(eta * eta, kron(a, add(2, b, 1, oracle::multiply(b, b))), sigma * sigma,
                      identity(15));
         }},
        {"eta^2*kron(inv(A), B') + sigma^2*I",
         [](const Matrix& a, const Matrix& b, double eta, double sigma) {
           return add(eta * eta, kron(oracle::inverse(a), b), sigma * sigma, identity(15));
         }},
        {"eta^2*kron(A, inv(I + sigma*B))",
         [](const Matrix& a, const Matrix& b, double eta, double sigma) {
           const Matrix k = kron(a, oracle::inverse(add(1, identity(3), sigma, b)));
           return add(eta * eta, k, 0, k);
         },
         false},
    };
    return all;
  }

  Matrix a_, d_, b_;
};

TEST_F(Given, IsTheCovarianceInSumsAndProducts) {
  const Numbers y = piece(y_, 0, cells);
  int np = 0;
  for (const Case& each : cases()) {
    for (const bool diagonal : {false, true}) {
      np = np % 3 + 1;
      SCOPED_TRACE(fmt::format("{}, diagonal {}, np {}", each.formula, diagonal, np));
      const Matrix& a = diagonal ? d_ : a_;
      const auto density = [&](const Values& p) {
        return oracle::log_density(each.dense(a, b_, p.at("eta"), p.at("sigma")), y);
      };
      const Result result = result_of(np, job_of("logpdf", diagonal ? "D" : "A", each.formula,
                                                 "observations: {file: data.h5, dataset: /y}\n"
                                                 "gradient: {parameters: [eta, sigma]}\n"));
      EXPECT_NEAR(result.value("/result"), density(truth), 1e-10);
      expect_gradient(result, differences(density, truth, {"eta", "sigma"}));
    }
  }
}

TEST_F(Given, IsTheCovarianceOfPredictionsAndDraws) {
  const Numbers y = piece(y_, 0, cells);
  int np = 0;
  for (const Case& each : cases()) {
    np = np % 3 + 1;
    SCOPED_TRACE(fmt::format("{}, np {}", each.formula, np));
    const Matrix k = each.dense(d_, b_, truth.at("eta"), truth.at("sigma"));
    const Result draws = result_of(np, job_of("sample", "D", each.formula, "draws: 1500\n"));
    models::SampleMoments moments(Numbers(cells, 0.0));
    moments.add(draws.values("/result"));
    moments.expect(k);
    if (!each.noisy) continue;
    const Matrix signal = oracle::add(1, k, -std::pow(truth.at("sigma"), 2), oracle::identity(15));
    const auto expected = oracle::posterior(k, signal, signal, y);
    const Result result = result_of(
        np, job_of("predict", "D", each.formula, "observations: {file: data.h5, dataset: /y}\n"));
    EXPECT_LT(oracle::relative_error(result.values("/mean"), expected.mean), 1e-10);
    EXPECT_LT(oracle::relative_error(result.values("/variance"), diagonal(expected.covariance)),
              1e-10);
  }
}

/// Eigenvectors within what is checked, and eigenvalues so large that it shows: the solve is
/// refined, or the job has not converged.
TEST_F(Given, WhoseSolveIsNotExactIsRefinedOrNotAccepted) {
  Eigen eigen{oracle::identity(3), {}};
  const Numbers v = oracle::random_vector(3, 11), wrong = oracle::random_vector(9, 12);
  for (std::int64_t i = 0; i < 3; ++i) {
    for (std::int64_t j = 0; j < 3; ++j) {
      eigen.vectors(i, j) -=
          2 * v[static_cast<std::size_t>(i)] * v[static_cast<std::size_t>(j)] / oracle::dot(v, v);
      eigen.vectors(i, j) += 2e-10 * wrong[static_cast<std::size_t>(3 * i + j)];
    }
  }
  put("/B/vectors", {3, 3}, eigen.vectors.values);
  for (const double scale : {1e6, 1e11}) {
    eigen.values = {0.3 * scale, 1.1, 2.7};
    put("/B/values", {3}, eigen.values);
    for (const std::string task : {"logpdf", "predict"}) {
      SCOPED_TRACE(fmt::format("{}, scale {}", task, scale));
      const Result result = result_of(2, job_of(task, "A", "eta^2*kron(A, B) + sigma^2*I",
                                                "observations: {file: data.h5, dataset: /y3}\n"));
      EXPECT_EQ(result.number("/report", "converged"), 1);
      EXPECT_GE(result.number("/report", "refinement_steps"), 1);
      EXPECT_EQ(result.text("/report", "accepted_by"),
                scale < 1e8 ? "tolerance" : "rounding level");
      if (task != "logpdf" || scale > 1e8) continue;
      EXPECT_LE(result.number("/report", "relative_residual"), 1e-10);
      const Matrix k =
          oracle::add(1.69, oracle::kron(a_, eigen.matrix()), 0.16, oracle::identity(15));
      for (std::int64_t o = 0; o < 3; ++o) {
        EXPECT_NEAR(result.values("/result")[static_cast<std::size_t>(o)],
                    oracle::log_density(k, piece(y_, o, cells)), 1e-6);
      }
    }
  }
  // Numbers without the digits that the tolerance asks for.
  Numbers tiny = y_;
  for (double& each : tiny) each *= 1e-318;
  put("/tiny", {3, 5, 3}, tiny);
  for (const std::string task : {"logpdf", "predict"}) {
    const Outcome outcome = run(2, job_of(task, "A", "eta^2*kron(A, B) + sigma^2*I",
                                          "observations: {file: data.h5, dataset: /tiny}\n"));
    EXPECT_EQ(outcome.code, 3) << outcome.output;
    EXPECT_EQ(outcome.count("the solve with the covariance is not accurate: the true relative "
                            "residual of right-hand side"),
              1)
        << outcome.errors;
    EXPECT_EQ(Result(path("results/out.h5")).number("/report", "converged"), 0);
  }
}

TEST_F(Given, OfExtentOneAndAsADiagonal) {
  const Matrix m = oracle::add(1, signal(truth), 0.1, oracle::identity(cells));
  put("/one", {1, 1}, {1.7});
  put("/flat", {15}, piece(y_, 0, cells));
  put("/M", {15, 15}, m.values);
  std::string text = replaced(job_of("logpdf", "one", "eta^2*kron(A, M) + sigma*kron(I, M)",
                                     "observations: {file: data.h5, dataset: /flat}\n"),
                              "B: {file: data.h5, dataset: /B, given_as: eigen}",
                              "M: {file: data.h5, dataset: /M}");
  const Numbers y = piece(y_, 0, cells);
  const double scale = 1.3 * 1.3 * 1.7 * 1.7 + 0.4;
  EXPECT_NEAR(result_of(2, text).value("/result"),
              oracle::log_density(oracle::add(scale, m, 0, m), y), 1e-9);
  // The diagonal of a Cholesky factor as noise: standard deviations.
  text = job_of("logpdf", "v", "eta^2*kron(eye(5), B) + sigma*kron(diag(A), I)",
                "observations: {file: data.h5, dataset: /y}\n");
  EXPECT_NEAR(result_of(2, text).value("/result"),
              oracle::log_density(oracle::add(1.3 * 1.3, oracle::kron(oracle::identity(5), b_), 0.4,
                                              oracle::kron(d_, oracle::identity(3))),
                                  y),
              1e-10);
}

TEST_F(Given, ProductsOfAMatrixWithItsTransposeNeedNoTriangle) {
  const Matrix root = oracle::random_regular(5, 3);
  put("/root", {5, 5}, root.values);
  const std::string text = replaced(job_of("logpdf", "root", "eta^2*kron(A*A', B)",
                                           "observations: {file: data.h5, dataset: /y}\n"),
                                    "/root, given_as: cholesky", "/root");
  const Matrix k = oracle::kron(oracle::multiply(root, oracle::transpose(root)), b_);
  EXPECT_NEAR(result_of(2, replaced(text, ", sigma: 0.4", "")).value("/result"),
              oracle::log_density(oracle::add(1.69, k, 0, k), piece(y_, 0, cells)), 1e-9);
}

TEST_F(Given, IsRefusedWhereItIsNoSuchFactor) {
  Matrix upper = oracle::identity(5);
  upper(0, 4) = 0.5;
  put("/upper", {5, 5}, upper.values);
  put("/tall", {5, 4}, oracle::random_vector(20, 2));
  put("/skew/vectors", {3, 3}, {1, 0.1, 0, 0, 1, 0, 0, 0, 1});
  put("/skew/values", {3}, {1, 2, 3});
  const std::string noisy = "eta^2*kron(A, B) + sigma^2*I";
  const std::string observations = "observations: {file: data.h5, dataset: /y}\n";
  const std::vector<std::pair<std::string, std::string>> refused{
      {job_of("logpdf", "upper", noisy, observations),
       "the Cholesky factor 'A' (5 x 5) is not lower triangular: entry (0, 4) is 0.5"},
      {job_of("sample", "upper", noisy, ""), "is not lower triangular"},
      {job_of("predict", "tall", noisy, observations),
       "'A' is given as a Cholesky factor of 5 x 4; expected a lower triangular matrix"},
      {replaced(job_of("logpdf", "A", noisy, observations), "/B,", "/skew,"),
       "the eigenvectors 'B' (3 x 3) are not orthonormal"},
      {job_of("logpdf", "v", "eta^2*kron(eye(5), B) + sigma*kron(diag(A), I)",
              observations + "mean: {columns: [\"kron(A, 1)\"]}\n"),
       "names 'A', which is 'given_as' a factor of a covariance"},
  };
  expect_all_refused(refused);
}

}  // namespace
}  // namespace kronwerk::end_to_end
