// The task `graph`, in process: against dense formulas, its paths, and refused where there is no
// minimum.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "application/job_test.hpp"
#include "io/hdf5/hdf5_input.hpp"
#include "kronwerk/io/files/data_file.hpp"
#include "kronwerk/io/hdf5/mode_ids.hpp"
#include "support/dense_oracle.hpp"

namespace kronwerk::application {
namespace {

using core::Extents;
using core::Index;
using Numbers = std::vector<double>;
using oracle::Matrix;

constexpr Index rows = 5;
constexpr Index columns = 3;
constexpr Index points = rows * columns;
constexpr Index samples = 20;

/// Samples of neighbours that go together, along both modes.
Numbers make_samples(Index count, std::uint64_t seed) {
  const Numbers noise = oracle::random_vector(count * points, seed);
  Numbers values(noise.size());
  const auto at = [](Index s, Index i, Index j) {
    return static_cast<std::size_t>((s * rows + i) * columns + j);
  };
  for (Index s = 0; s < count; ++s) {
    for (Index i = 0; i < rows; ++i) {
      for (Index j = 0; j < columns; ++j) {
        values[at(s, i, j)] = 3 + static_cast<double>(i) + noise[at(s, i, j)] +
                              (i > 0 ? 0.7 * noise[at(s, i - 1, j)] : 0) +
                              (j > 0 ? 0.4 * noise[at(s, i, j - 1)] : 0);
      }
    }
  }
  return values;
}

class GraphJobTest : public JobTest {
 protected:
  GraphJobTest() : values_(make_samples(samples, 1)), others_(make_samples(6, 2)) {
    if (comm_.is_root()) write_data();
    comm_.barrier();
  }

  void write_data() const {
    io::DataFile file(directory_ + "/data.h5");
    const Extents shape{samples, rows, columns};
    file.write_dense("/y", shape, values_);
    file.write_strings("/y_ids_2", std::vector<std::string>{"a", "b", "c", "d", "e"});
    file.write_dense("/others", Extents{6, points}, others_);
    file.write_dense("/one", Extents{rows, columns}, std::span(values_).first(points));
    Numbers broken = values_;
    broken[7] = std::numeric_limits<double>::quiet_NaN();
    file.write_dense("/nan", shape, broken);
    broken = values_;
    for (Index s = 0; s < samples; ++s) {
      for (Index j = 0; j < columns; ++j) {
        broken[static_cast<std::size_t>((s * rows + 2) * columns + j)] = 0.1;
      }
    }
    file.write_dense("/constant", shape, broken);
    file.write_strings("/constant_ids_2", std::vector<std::string>{"a", "b", "c", "d", "e"});
    Numbers weights(rows * rows, 1.0);
    weights[1] = weights[rows] = 0;
    file.write_dense("/weights/1", Extents{rows, rows}, weights);
    weights[1] = -1;
    file.write_dense("/negative/1", Extents{rows, rows}, weights);
    file.write_dense("/gram/1", Extents{rows, rows}, eye(rows));
    file.write_dense("/gram/2", Extents{columns, columns}, eye(columns));
    file.write_dense("/different/1", Extents{rows, rows}, eye(rows));
    Numbers twice = eye(columns);
    for (double& value : twice) value *= 2;
    file.write_dense("/different/2", Extents{columns, columns}, twice);
    file.write_dense("/indefinite/1", Extents{rows, rows}, eye(rows));
    file.write_dense("/indefinite/2", Extents{columns, columns},
                     Numbers{1, 2, 0, 2, 1, 0, 0, 0, 1});
    file.commit();
  }
  static Numbers eye(Index n) {
    const Matrix matrix = oracle::identity(n);
    Numbers values;
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < n; ++j) values.push_back(matrix(i, j));
    }
    return values;
  }

  static std::string graph(const std::string& more, const std::string& dataset = "/y") {
    return "task: graph\nextents: [5, 3]\ninput: {file: data.h5, dataset: " + dataset + "}\n" +
           more + "\n";
  }
  static std::string of_grams(const std::string& group) {
    return "task: graph\nextents: [5, 3]\npenalty: 0.1\ngrams: {file: data.h5, dataset: " + group +
           ", samples: 4}\n";
  }

  /// Of points without a result too.
  Numbers read(const std::string& dataset) const {
    const io::Location location{directory_ + "/out.h5", dataset};
    Numbers values(static_cast<std::size_t>(core::product(io::inspect(comm_, location).shape)));
    io::read_range(comm_, location, 0, values, true);
    return values;
  }
  Matrix dense(const std::string& path, Index n) const {
    const Numbers values = read(path);
    Matrix matrix(n, n);
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < n; ++j) matrix(i, j) = values[static_cast<std::size_t>(i * n + j)];
    }
    return matrix;
  }
  Matrix factor(const std::string& path) const {
    const auto sparse = io::read_sparse(comm_, {directory_ + "/out.h5", path});
    Matrix matrix(sparse.rows, sparse.cols);
    for (Index i = 0; i < sparse.rows; ++i) {
      for (Index j = 0; j < sparse.cols; ++j) matrix(i, j) = 0;
      const auto offsets = sparse.row_offsets.span();
      for (Index e = offsets[static_cast<std::size_t>(i)];
           e < offsets[static_cast<std::size_t>(i) + 1]; ++e) {
        const auto at = static_cast<std::size_t>(e);
        matrix(i, sparse.column_indices.span()[at]) = sparse.values.span()[at];
      }
    }
    return matrix;
  }
  double reported(const std::string& name) const {
    Numbers value(1);
    communication::on_root(comm_, [&] {
      const auto file = io::open_input(directory_ + "/out.h5");
      const auto object = io::open_object(file, {directory_ + "/out.h5", "/report"});
      const auto attribute =
          io::AttributeHandle::adopt(H5Aopen(object.get(), name.c_str(), H5P_DEFAULT));
      H5Aread(attribute.get(), H5T_NATIVE_DOUBLE, value.data());
    });
    comm_.broadcast(std::span<double>(value));
    return value[0];
  }

  /// Ω = Ψ_1 ⊗ I + I ⊗ Ψ_2.
  Matrix precision(const std::string& parent = "") const {
    return oracle::add(1, oracle::kron(factor(parent + "/factor/1"), oracle::identity(columns)), 1,
                       oracle::kron(oracle::identity(rows), factor(parent + "/factor/2")));
  }
  /// Σ over samples of log N(y; mean, Ω⁻¹), by dense formulas.
  static double log_density(const Matrix& omega, const Numbers& values, const Numbers& mean) {
    const auto count = std::ssize(values) / points;
    double sum = 0;
    for (Index s = 0; s < count; ++s) {
      Numbers y(points);
      for (std::size_t p = 0; p < y.size(); ++p) {
        y[p] = values[static_cast<std::size_t>(s * points) + p] - mean[p];
      }
      const Numbers z = oracle::multiply(omega, y);
      for (std::size_t p = 0; p < y.size(); ++p) sum -= 0.5 * y[p] * z[p];
    }
    return sum + 0.5 * static_cast<double>(count) *
                     (oracle::log_abs_det(omega) -
                      static_cast<double>(points) * std::log(2 * std::numbers::pi));
  }
  Numbers sample_mean() const {
    Numbers mean(points);
    for (std::size_t i = 0; i < values_.size(); ++i) {
      mean[i % points] += values_[i] / static_cast<double>(samples);
    }
    return mean;
  }

  Numbers values_;
  Numbers others_;
};

TEST_F(GraphJobTest, ItsGramsAreThoseOfTheCentredSamples) {
  const Numbers mean = sample_mean();
  for (const bool blocks : {false, true}) {
    ASSERT_EQ(
        run(graph(blocks ? "centre: samples\npenalty: 0.5" : "centre: mean\npenalty: 0.5")).code,
        0);
    double all = 0;
    for (const double value : mean) all += value / static_cast<double>(points);
    Matrix expected(rows, rows);
    for (Index i = 0; i < rows; ++i) {
      for (Index k = 0; k < rows; ++k) {
        expected(i, k) = 0;
        for (Index s = 0; s < samples; ++s) {
          for (Index j = 0; j < columns; ++j) {
            const auto at = [&](Index row) {
              const auto p = static_cast<std::size_t>(row * columns + j);
              return values_[static_cast<std::size_t>(s * points) + p] - (blocks ? mean[p] : all);
            };
            expected(i, k) += at(i) * at(k) / static_cast<double>((samples - blocks) * columns);
          }
        }
      }
    }
    EXPECT_LE(oracle::relative_error(dense("/gram/1", rows), expected), 1e-13);
  }
}

TEST_F(GraphJobTest, ReportsWhatTheDensityIs) {
  const Outcome outcome = run(graph(
      "centre: samples\npenalty: 0.2\nebic_gamma: 1\nheld_out: {file: data.h5, dataset: /others}"));
  ASSERT_EQ(outcome.code, 0) << outcome.message;
  const Matrix omega = precision();
  const Numbers mean = sample_mean();
  // The mean takes one sample.
  const double freedom = samples - 1;
  const double all = log_density(omega, values_, mean);
  const double constant =
      0.5 * (oracle::log_abs_det(omega) - points * std::log(2 * std::numbers::pi));
  EXPECT_NEAR(reported("log_likelihood"), all - constant, 1e-9 * std::abs(all));
  EXPECT_NEAR(reported("held_out_log_density"), log_density(omega, others_, mean),
              1e-9 * std::abs(all));
  const double edges_1 = reported("edges_1");
  const double edges_2 = reported("edges_2");
  EXPECT_GT(edges_1, 0);
  EXPECT_LT(edges_1, rows * (rows - 1) / 2);
  const double df = edges_1 + edges_2 + rows + columns - 1;
  EXPECT_EQ(reported("degrees_of_freedom"), df);
  const double bic = -2 * reported("log_likelihood") + df * std::log(freedom * points);
  EXPECT_NEAR(reported("bic"), bic, 1e-9 * std::abs(bic));
  const double extended = bic + 4 * (edges_1 * std::log(5.0) + edges_2 * std::log(3.0));
  EXPECT_NEAR(reported("extended_bic"), extended, 1e-9 * std::abs(extended));
  EXPECT_LE(reported("kkt"), 1e-8);
  EXPECT_EQ(reported("converged"), 1);
  EXPECT_EQ(io::read_strings(comm_, {directory_ + "/out.h5", "/factor/1_ids"}).at(4), "e");
}

/// diag S = diag B, S − B + λ sign Ψ = 0 on the edges, |S − B| ≤ λ elsewhere, by a dense inverse.
TEST_F(GraphJobTest, IsOptimal) {
  ASSERT_EQ(run(graph("centre: samples\npenalty: 0.2")).code, 0);
  const Matrix inverse = oracle::inverse(precision());
  const Matrix gram = dense("/gram/1", rows);
  const Matrix psi = factor("/factor/1");
  double scale = 0;
  for (Index i = 0; i < rows; ++i) scale += gram(i, i) / static_cast<double>(rows);
  for (Index i = 0; i < rows; ++i) {
    for (Index k = 0; k < rows; ++k) {
      double difference = gram(i, k);
      for (Index j = 0; j < columns; ++j) {
        difference -= inverse(i * columns + j, k * columns + j) / static_cast<double>(columns);
      }
      if (i == k) {
        EXPECT_NEAR(difference, 0, 1e-7 * scale);
      } else if (psi(i, k) == 0) {
        EXPECT_LE(std::abs(difference), (0.2 + 1e-7) * scale);
      } else {
        EXPECT_NEAR(difference, std::copysign(0.2 * scale, -psi(i, k)), 1e-7 * scale);
      }
    }
  }
}

TEST_F(GraphJobTest, APathHasThePointsOfJobsOfTheirOwn) {
  const std::string held_out = "centre: samples\nheld_out: {file: data.h5, dataset: /others}\n";
  ASSERT_EQ(run("parameters: {lambda: 1}\nsweep: {lambda: [0.1, 0.4, 0]}\n" +
                graph("penalty: [lambda, \"2*lambda\"]\n" + held_out))
                .code,
            0);
  const Numbers criteria = read("/extended_bic");
  const Numbers densities = read("/held_out_log_density");
  ASSERT_EQ(criteria.size(), 3U);
  EXPECT_EQ(read("/sweep/lambda"), (Numbers{0.1, 0.4, 0}));
  const auto best = std::ranges::max_element(densities) - densities.begin();
  EXPECT_EQ(reported("selected"), best + 1);
  EXPECT_EQ(reported("selected_lambda"), read("/sweep/lambda")[static_cast<std::size_t>(best)]);
  EXPECT_EQ(read("/parameters/lambda")[0], reported("selected_lambda"));
  EXPECT_EQ(reported("selected_by_extended_bic"),
            std::ranges::min_element(criteria) - criteria.begin() + 1);
  const Numbers edges = read("/edges_1");
  EXPECT_LT(edges[1], edges[0]);
  EXPECT_EQ(edges[2], rows * (rows - 1) / 2);
  const Matrix first = precision("/path/1");
  ASSERT_EQ(run(graph("penalty: [0.1, 0.2]\n" + held_out)).code, 0);
  EXPECT_LE(oracle::relative_error(first, precision()), 1e-6);
  EXPECT_NEAR(reported("extended_bic"), criteria[0], 1e-6 * std::abs(criteria[0]));
}

TEST_F(GraphJobTest, ASelectedParameterIsTakenFromAPath) {
  expect_done("sweep: {lambda: [0.4, 0.05]}\n" + graph("centre: samples\npenalty: lambda") +
              "\noutput: {file: path.h5, overwrite: true}\n");
  EXPECT_EQ(run("parameters: {file: path.h5}\n" + graph("centre: samples\npenalty: lambda")).code,
            0);
}

TEST_F(GraphJobTest, WeightsLeavePairsWithoutAPenalty) {
  ASSERT_EQ(
      run(graph("centre: samples\npenalty: 5\nweights: {file: data.h5, dataset: /weights}")).code,
      0);
  const Matrix psi = factor("/factor/1");
  EXPECT_NE(psi(0, 1), 0);
  EXPECT_EQ(reported("edges_1"), 1);
  EXPECT_EQ(reported("edges_2"), 0);
}

TEST_F(GraphJobTest, TakesGramsThatAProjectionWrote) {
  expect_done(
      "task: project\nof: gram\nextents: [5, 3]\ninput: {file: data.h5, dataset: /y}\n"
      "output: {file: projected.h5, overwrite: true}\n");
  ASSERT_EQ(run("task: graph\nextents: [5, 3]\npenalty: 0.1\n"
                "grams: {file: projected.h5, dataset: /gram, samples: 20}\n")
                .code,
            0);
  const double objective = reported("objective");
  const double likelihood = reported("log_likelihood");
  ASSERT_EQ(run(graph("penalty: 0.1\ntrace: none")).code, 0);
  EXPECT_NEAR(reported("objective"), objective, 1e-9 * std::abs(objective));
  EXPECT_NEAR(reported("log_likelihood"), likelihood, 1e-9 * std::abs(likelihood));
  EXPECT_GT(read("/offset")[0], 0);
}

TEST_F(GraphJobTest, KeepsTheBestPointWhereTheToleranceIsOutOfReach) {
  const Outcome outcome =
      run(graph("centre: samples\npenalty: 0.2\nsolver: {tolerance: 1e-30, max_iterations: 200}"));
  EXPECT_EQ(outcome.code, 3) << outcome.message;
  EXPECT_NE(outcome.message.find("converged = 0"), std::string::npos) << outcome.message;
  EXPECT_EQ(reported("converged"), 0);
  EXPECT_LE(reported("kkt"), 1e-9);
  const Matrix kept = precision();
  ASSERT_EQ(run(graph("centre: samples\npenalty: 0.2")).code, 0);
  EXPECT_LE(oracle::relative_error(kept, precision()), 1e-6);
}

TEST_F(GraphJobTest, APointWithoutAMinimumDoesNotEndThePath) {
  // One sample has Grams of rank 3 at most, so that there is none without a penalty.
  const Outcome outcome = run("sweep: {lambda: [0.5, 0]}\n" + graph("penalty: lambda", "/one"));
  EXPECT_EQ(outcome.code, 3) << outcome.message;
  EXPECT_EQ(read("/converged"), (Numbers{1, 0}));
  EXPECT_TRUE(std::isnan(read("/objective")[1]));
  EXPECT_EQ(reported("selected"), 1);
  EXPECT_FALSE(io::holds(comm_, {directory_ + "/out.h5", "/path/2/factor"}));
}

TEST_F(GraphJobTest, RefusesProblemsWithoutAMinimum) {
  expect_refused(graph("penalty: 0", "/one"), "mode 1");
  expect_refused("sweep: {lambda: [0, 0]}\n" + graph("penalty: lambda", "/one"), "mode 1");
  expect_refused(graph("centre: samples\npenalty: 0.1", "/constant"), "row 3 ('c')");
  expect_refused("parameters: {lambda: -1}\n" + graph("penalty: lambda"), "is -1");
  expect_refused("parameters: {lambda: 0}\n" + graph("penalty: \"1/lambda\""), "1/lambda");
  expect_refused("sweep: {lambda: [0.1, -0.2]}\n" + graph("penalty: lambda"), "lambda = -0.2");
  expect_refused(graph("penalty: lamda"), "lamda");
  expect_refused("parameters: {lambda: 1}\n" + graph("penalty: 0.1"), "not used by the penalty");
}

TEST_F(GraphJobTest, RefusesBadData) {
  expect_refused(graph("penalty: 0.1", "/nan"), "/nan");
  expect_refused(graph("centre: samples\npenalty: 0.1", "/one"), "there is one");
  expect_refused(of_grams("/different"), "diagonal");
  expect_refused(of_grams("/indefinite"), "mode 2");
  expect_refused(of_grams("/nothing"), "/nothing/1");
  expect_refused(graph("penalty: 0.1\nweights: {file: data.h5, dataset: /negative}"),
                 "weights must be symmetric and at least 0");
  expect_refused(graph("penalty: 0.1\nweights: {file: data.h5, dataset: /y}"), "none of the");
  expect_refused("task: graph\nextents: [5, 4]\npenalty: 1\ninput: {file: data.h5, dataset: /y}\n",
                 "expected m samples");
}

}  // namespace
}  // namespace kronwerk::application
