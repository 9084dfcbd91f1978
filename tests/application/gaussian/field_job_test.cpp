// Whole jobs with inverses of sums in their covariances, against dense formulas.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "application/job_test.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/io/files/data_file.hpp"
#include "models/covariance/dense_gaussian.hpp"

namespace kronwerk::application {
namespace {

using core::Index;
using oracle::laplacian;
using oracle::Matrix;
using Numbers = std::vector<double>;

constexpr Index rows = 5;
constexpr Index columns = 4;
constexpr Index cells = rows * columns;

Matrix plus(const Matrix& a, const Matrix& b, double factor = 1) {
  return oracle::add(1, a, factor, b);
}

/// (k² I + S) ⊕ q exp(−d / l), its inverse times e² plus σ² I.
struct Model {
  double k = 0.7, q = 1.3, l = 1.5, e = 1.1, sigma = 0.4;

  Matrix covariance(double noise = 1) const {
    Matrix time(columns, columns);
    for (Index i = 0; i < columns; ++i) {
      for (Index j = 0; j < columns; ++j) {
        time(i, j) = q * std::exp(-std::abs(static_cast<double>(i - j)) / l);
      }
    }
    const Matrix space = plus(laplacian(rows), oracle::identity(rows), k * k);
    const Matrix sum = plus(oracle::kron(space, oracle::identity(columns)),
                            oracle::kron(oracle::identity(rows), time));
    return oracle::add(e * e, oracle::inverse(sum), noise * sigma * sigma, oracle::identity(cells));
  }
};

class FieldJob : public JobTest {
 protected:
  FieldJob() {
    for (Index i = 0; i < 2 * cells; ++i) y_.push_back(std::sin(3.7 * static_cast<double>(i)));
    gaps_ = y_;
    for (Index i = 0; i < 2 * cells; ++i) {
      // Two cells, and all of a column.
      if (is_hidden(i % cells)) gaps_[static_cast<std::size_t>(i)] = std::nan("");
    }
    if (comm_.is_root()) write_data();
    comm_.barrier();
  }

  static bool is_hidden(Index cell) { return cell == 3 || cell == 12 || cell % columns == 2; }

  /// The second differences as a sparse matrix.
  static void write_line(io::DataFile& file, const std::string& path, Index n) {
    std::vector<Index> entry_rows;
    std::vector<std::int32_t> neighbours;
    Numbers values;
    const Matrix matrix = laplacian(n);
    for (Index i = 0; i < n; ++i) {
      for (Index j = std::max<Index>(0, i - 1); j < std::min(n, i + 2); ++j) {
        entry_rows.push_back(i);
        neighbours.push_back(static_cast<std::int32_t>(j));
        values.push_back(matrix(i, j));
      }
    }
    file.write_sparse(path, n, n, entry_rows, neighbours, values);
  }

  void write_data() const {
    io::DataFile file(directory_ + "/data.h5");
    file.write_dense("/S", core::Extents{rows, rows}, laplacian(rows).values);
    file.write_dense("/T", core::Extents{columns, columns}, laplacian(columns).values);
    file.write_dense("/t", core::Extents{columns}, Numbers{0, 1, 2, 3});
    file.write_dense("/x", core::Extents{rows}, Numbers{0, 1, 2, 3, 4});
    file.write_dense("/later", core::Extents{2}, Numbers{1.5, 4});
    write_line(file, "/L", rows);
    write_line(file, "/D", columns);
    file.write_dense("/y", core::Extents{2, rows, columns}, y_);
    file.write_dense("/gaps", core::Extents{2, rows, columns}, gaps_);
    file.write_dense("/counts", core::Extents{rows, columns}, Numbers(cells, 2.0));
    file.commit();
  }

  Outcome run(const std::string& task, const std::string& more,
              const std::string& covariance = "") const {
    return JobTest::run(
        "task: " + task + R"yaml(
parameters: {k: 0.7, q: 1.3, l: 1.5, e: 1.1, sigma: 0.4}
matrices: {S: {file: data.h5, dataset: /S}}
kernels: {T: {formula: "exponential(d, l)", points: {file: data.h5, dataset: /t}}}
covariance: ")yaml" +
        (covariance.empty() ? "e^2*inv(kronsum(k^2*I + S, q*T)) + sigma^2*I" : covariance) +
        "\"\n" + more);
  }

  void expect_runs(const std::string& task, const std::string& more) const {
    const Outcome outcome = run(task, more);
    ASSERT_EQ(outcome.code, 0) << outcome.message;
  }

  void expect_runs_text(const std::string& text) const {
    const Outcome outcome = JobTest::run(text);
    ASSERT_EQ(outcome.code, 0) << outcome.message;
  }

  void expect_refused(const std::string& part, const std::string& task, const std::string& more,
                      const std::string& covariance = "") const {
    const Outcome outcome = run(task, more, covariance);
    EXPECT_EQ(outcome.code, 2) << part << outcome.message;
    EXPECT_NE(outcome.message.find(part), std::string::npos) << outcome.message;
  }

  static void expect_near(const Numbers& found, const Numbers& expected, double tolerance) {
    ASSERT_EQ(found.size(), expected.size());
    EXPECT_LE(oracle::relative_error(found, expected), tolerance);
  }

  /// Σ log N of both observations, cells hidden or not, minus a mean by least squares.
  double log_density(const Model& model, bool gaps) const {
    std::vector<oracle::Regression> parts;
    for (Index o = 0; o < 2; ++o) parts.push_back(observed(model, gaps, o));
    const auto whole = oracle::stacked(parts);
    const auto beta = oracle::least_squares(whole.covariance, whole.columns, whole.y).coefficients;
    double sum = 0;
    for (const auto& part : parts) {
      sum += oracle::log_density(part.covariance,
                                 oracle::minus(part.y, oracle::multiply(part.columns, beta)));
    }
    return sum;
  }

  static std::vector<Index> seen_cells(bool gaps) {
    std::vector<Index> result;
    for (Index i = 0; i < cells; ++i) {
      if (!gaps || !is_hidden(i)) result.push_back(i);
    }
    return result;
  }

  oracle::Regression observed(const Model& model, bool gaps, Index observation) const {
    const auto seen = seen_cells(gaps);
    const Matrix all = model.covariance();
    oracle::Regression part{
        Matrix(std::ssize(seen), std::ssize(seen)), Matrix(std::ssize(seen), 1), {}};
    for (Index i = 0; i < std::ssize(seen); ++i) {
      const Index cell = seen[static_cast<std::size_t>(i)];
      part.columns(i, 0) = 1;
      part.y.push_back(y_[static_cast<std::size_t>(observation * cells + cell)]);
      for (Index j = 0; j < std::ssize(seen); ++j) {
        part.covariance(i, j) = all(cell, seen[static_cast<std::size_t>(j)]);
      }
    }
    return part;
  }

  Numbers y_, gaps_;
};

const std::string whole = "observations: {file: data.h5, dataset: /y}\n";
const std::string with_gaps =
    "observations: {file: data.h5, dataset: /gaps, missing: nan}\nsolver: {tolerance: 1e-13}\n";
const std::string mean = "mean: {columns: [\"kron(1, 1)\"]}\n";

TEST_F(FieldJob, LogDensitiesAndGradientsAreTheDenseOnes) {
  for (const bool gaps : {false, true}) {
    ASSERT_NO_FATAL_FAILURE(expect_runs("logpdf", (gaps ? with_gaps : whole) + mean +
                                                      "gradient: {parameters: [k, q, l, e, sigma], "
                                                      "input: true}"));
    const Numbers values = read("/result");
    const double expected = log_density({}, gaps);
    EXPECT_NEAR(values[0] + values[1], expected, 1e-11 * std::abs(expected));
    double Model::*const members[] = {&Model::k, &Model::q, &Model::l, &Model::e, &Model::sigma};
    const char* names[] = {"k", "q", "l", "e", "sigma"};
    for (std::size_t p = 0; p < 5; ++p) {
      constexpr double step = 1e-5;
      Model above, below;
      above.*members[p] += step;
      below.*members[p] -= step;
      const double slope = (log_density(above, gaps) - log_density(below, gaps)) / (2 * step);
      EXPECT_NEAR(read(std::string("/gradient/") + names[p])[0], slope,
                  1e-6 * (1 + std::abs(slope)))
          << names[p];
    }
  }
}

TEST_F(FieldJob, PredictsHiddenCellsAsDenseKrigingDoes) {
  ASSERT_NO_FATAL_FAILURE(expect_runs("predict", with_gaps + mean + "draws: 2\n"));
  const auto one = observed({}, true, 0), other = observed({}, true, 1);
  const auto both = oracle::stacked({one, other});
  const auto seen = seen_cells(true);
  const Matrix field = Model().covariance(0);
  Matrix cross(cells, 2 * std::ssize(seen)), ones(cells, 1);
  for (Index i = 0; i < cells; ++i) {
    ones(i, 0) = 1;
    for (Index j = 0; j < std::ssize(seen); ++j) {
      cross(i, j) = field(i, seen[static_cast<std::size_t>(j)]);
    }
  }
  const auto expected = oracle::universal_kriging(both, cross, field, ones);
  const Numbers means = read("/mean"), variances = read("/variance");
  expect_near({means.begin(), means.begin() + cells}, expected.mean, 1e-9);
  Numbers diagonal;
  for (Index i = 0; i < cells; ++i) diagonal.push_back(expected.covariance(i, i));
  expect_near({variances.begin(), variances.begin() + cells}, diagonal, 1e-9);
  EXPECT_EQ(read("/draws").size(), static_cast<std::size_t>(4 * cells));
}

TEST_F(FieldJob, FitsClimbToWhereTheGradientVanishes) {
  ASSERT_NO_FATAL_FAILURE(
      expect_runs("fit", whole + mean +
                             "fit: {parameters: {k: {prior: \"lognormal(-0.4, 0.5)\"}, e: {prior: "
                             "\"half_normal(1)\"}}, starts: 2, seed: 3}"));
  Model found;
  found.k = read("/parameters/k")[0];
  found.e = read("/parameters/e")[0];
  const double value = log_density(found, false);
  EXPECT_NEAR(read("/log_density")[0], value, 1e-9 * std::abs(value));
  const auto objective = [&](const Model& model) {
    const double z = (std::log(model.k) + 0.4) / 0.5;
    return log_density(model, false) - 0.5 * z * z - std::log(model.k) - 0.5 * model.e * model.e;
  };
  const double best = objective(found);
  for (double Model::*const member : {&Model::k, &Model::e}) {
    for (const double factor : {0.97, 1.03}) {
      Model other = found;
      other.*member *= factor;
      EXPECT_LT(objective(other), best);
    }
  }
}

TEST_F(FieldJob, SamplesAreTheSameWithEveryNumberOfRanks) {
  ASSERT_NO_FATAL_FAILURE(expect_runs("sample", "mean: 2\ndraws: 3\nseed: 4\n"));
  const Numbers draws = read("/result");
  ASSERT_EQ(draws.size(), static_cast<std::size_t>(3 * cells));
  // As found with one rank.
  const Numbers expected{2.918544032};
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(draws[i], expected[i], 1e-8);
}

TEST_F(FieldJob, OfOneProductOfSparseFactorsHasSparseCholeskyFactors) {
  const auto density = [&](const Numbers& at) {
    const Matrix space = plus(laplacian(rows), oracle::identity(rows), at[0] * at[0]);
    const Matrix time = plus(oracle::identity(columns), laplacian(columns), at[1]);
    const Matrix dense = oracle::add(at[2] * at[2], oracle::inverse(oracle::kron(space, time)), 0,
                                     Matrix(cells, cells));
    return oracle::log_density(dense, std::span(y_).first(cells)) +
           oracle::log_density(dense, std::span(y_).subspan(cells));
  };
  const std::string inputs = R"yaml(
parameters: {k: 0.7, q: 1.3, e: 1.1}
matrices: {L: {file: data.h5, dataset: /L}, D: {file: data.h5, dataset: /D}}
covariance: "e^2*inv(kron(k^2*I + L, I + q*D))"
)yaml";
  ASSERT_NO_FATAL_FAILURE(
      expect_runs_text("task: logpdf" + inputs + whole + "gradient: {parameters: [k, q, e]}\n"));
  const Numbers values = read("/result");
  const double expected = density({0.7, 1.3, 1.1});
  EXPECT_NEAR(values[0] + values[1], expected, 1e-11 * std::abs(expected));
  const char* names[] = {"k", "q", "e"};
  for (std::size_t p = 0; p < 3; ++p) {
    constexpr double step = 1e-5;
    Numbers above{0.7, 1.3, 1.1}, below = above;
    above[p] += step;
    below[p] -= step;
    const double slope = (density(above) - density(below)) / (2 * step);
    EXPECT_NEAR(read(std::string("/gradient/") + names[p])[0], slope, 1e-6 * (1 + std::abs(slope)))
        << names[p];
  }
  ASSERT_NO_FATAL_FAILURE(expect_runs_text("task: sample" + inputs + "draws: 2\nmean: 0\n"));
  EXPECT_EQ(read("/result").size(), static_cast<std::size_t>(2 * cells));
  // With gaps the same model takes conjugate gradients.
  ASSERT_NO_FATAL_FAILURE(expect_runs_text("task: predict" + inputs + with_gaps));
}

TEST_F(FieldJob, AdditiveEffectsAreExactAndKnownAtNewTimes) {
  const auto kernel = [](const Numbers& x, const Numbers& y) {
    Matrix result(std::ssize(x), std::ssize(y));
    for (Index i = 0; i < result.rows; ++i) {
      for (Index j = 0; j < result.cols; ++j) {
        const double d = x[static_cast<std::size_t>(i)] - y[static_cast<std::size_t>(j)];
        result(i, j) = std::exp(-std::abs(d) / 1.5);
      }
    }
    return result;
  };
  const Numbers times{0, 1, 2, 3}, sites{0, 1, 2, 3, 4}, later{1.5, 4};
  const Matrix space = kernel(sites, sites);
  const auto effects = [&](const Matrix& time, const Matrix& same) {
    Matrix sum = oracle::add(1.21, oracle::kron(space, time), 0.49, oracle::kron(space, same));
    return oracle::add(1, sum, 1.3, oracle::kron(oracle::identity(rows), time));
  };
  const Matrix dense =
      plus(effects(kernel(times, times), oracle::identity(columns)), oracle::identity(cells), 0.16);
  const std::string inputs = R"yaml(
parameters: {k: 0.7, q: 1.3, l: 1.5, e: 1.1, sigma: 0.4}
kernels:
  K: {formula: "exponential(d, 1.5)", points: {file: data.h5, dataset: /x}}
  T: {formula: "exponential(d, l)", points: {file: data.h5, dataset: /t}}
covariance: "e^2*kron(K, T) + k^2*kron(K, I) + q*kron(I, T) + sigma^2*I"
)yaml";
  ASSERT_NO_FATAL_FAILURE(expect_runs_text("task: logpdf" + inputs + whole));
  const Numbers values = read("/result");
  for (Index o = 0; o < 2; ++o) {
    const double expected = oracle::log_density(
        dense, std::span(y_).subspan(static_cast<std::size_t>(o * cells), cells));
    EXPECT_NEAR(values[static_cast<std::size_t>(o)], expected, 1e-11 * std::abs(expected));
  }
  ASSERT_NO_FATAL_FAILURE(expect_runs_text("task: predict" + inputs + whole +
                                           "new_points: {T: {file: data.h5, dataset: /later}}\n"));
  const auto expected = oracle::posterior(dense, effects(kernel(later, times), Matrix(2, columns)),
                                          effects(kernel(later, later), oracle::identity(2)),
                                          std::span(y_).first(cells));
  const Numbers means = read("/mean");
  expect_near({means.begin(), means.begin() + 2 * rows}, expected.mean, 1e-10);
  Numbers diagonal;
  for (Index i = 0; i < 2 * rows; ++i) diagonal.push_back(expected.covariance(i, i));
  expect_near(read("/variance"), diagonal, 1e-10);
}

TEST_F(FieldJob, RefusesWhatIsNoField) {
  expect_refused("is not positive definite: its smallest eigenvalue is -", "logpdf", whole,
                 "e^2*inv(kronsum(S - k*I, l*q*T - 2*I)) + sigma^2*I");
  expect_refused("mode 1 has the matrices", "logpdf", whole,
                 "e^2*inv(kronsum(k*I + S*S + inv(I + q*S), l*T)) + sigma^2*kron(S + I, I)");
  expect_refused("known at the cells of the grid only", "predict",
                 whole + "new_points: {T: {file: data.h5, dataset: /t}}\n");
  expect_refused("has no factors", "predict", whole + "factored_covariance: true\n");
  expect_refused("cannot take", "logpdf",
                 "likelihood: {family: poisson}\nobservations: {file: data.h5, dataset: /counts}\n",
                 "e^2*inv(kronsum(k^2*I + S, q*l*sigma*T))");
}

}  // namespace
}  // namespace kronwerk::application
