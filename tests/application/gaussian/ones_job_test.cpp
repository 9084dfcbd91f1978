// Whole jobs with terms of ones in their covariances, against dense formulas.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "application/gaussian/gaussian_job.hpp"
#include "application/job_test.hpp"
#include "kronwerk/io/files/data_file.hpp"
#include "models/covariance/dense_gaussian.hpp"

namespace kronwerk::application {
namespace {

using core::Index;
using oracle::Matrix;

constexpr Index rows = 5;
constexpr Index columns = 4;
constexpr Index cells = rows * columns;

Matrix ones(Index n, Index m) {
  Matrix result(n, m);
  std::ranges::fill(result.values, 1.0);
  return result;
}

Matrix exponential(const std::vector<double>& a, const std::vector<double>& b, double l) {
  Matrix result(std::ssize(a), std::ssize(b));
  for (Index i = 0; i < result.rows; ++i) {
    for (Index j = 0; j < result.cols; ++j) {
      const double d = std::abs(a[static_cast<std::size_t>(i)] - b[static_cast<std::size_t>(j)]);
      result(i, j) = std::exp(-d / l);
    }
  }
  return result;
}

/// a² K_s ⊗ J + b² J ⊗ K_t + σ² I.
struct Model {
  double a = 1.2, b = 0.8, l = 1.5, q = 2, sigma = 0.5;

  Matrix signal(const std::vector<double>& s, const std::vector<double>& other) const {
    const std::vector<double> times{0, 1, 2, 3};
    return oracle::add(
        a * a, oracle::kron({exponential(s, other, l), ones(columns, columns)}), b * b,
        oracle::kron({ones(std::ssize(s), std::ssize(other)), exponential(times, times, q)}));
  }
  Matrix covariance(const std::vector<double>& s) const {
    return oracle::add(1, signal(s, s), sigma * sigma, oracle::identity(cells));
  }
};

class OnesJob : public JobTest {
 protected:
  OnesJob() {
    for (Index i = 0; i < cells; ++i) y_.push_back(1 + std::sin(3.7 * static_cast<double>(i)));
    make_data([&](io::DataFile& file) {
      file.write_dense("/s", core::Extents{rows}, places_);
      file.write_dense("/t", core::Extents{columns}, Numbers{0, 1, 2, 3});
      file.write_dense("/fresh", core::Extents{3}, fresh_);
      file.write_dense("/y", core::Extents{rows, columns}, y_);
      Numbers gaps = y_;
      gaps[3] = gaps[9] = gaps[10] = std::nan("");
      file.write_dense("/gaps", core::Extents{rows, columns}, gaps);
      // A row and a column without any observation.
      for (const std::size_t cell : {4, 5, 6, 7, 2, 14, 18}) gaps[cell] = std::nan("");
      file.write_dense("/slices", core::Extents{rows, columns}, gaps);
      Numbers counts;
      for (const double each : y_) counts.push_back(std::round(2 * each));
      file.write_dense("/counts", core::Extents{rows, columns}, counts);
      file.write_dense("/J4", core::Extents{4, 4}, Numbers(16, 1.0));
      file.write_dense("/J5", core::Extents{5, 5}, Numbers(25, 1.0));
    });
  }

  static std::string job(const std::string& task, const std::string& more) {
    return "task: " + task + R"yaml(
parameters: {a: 1.2, b: 0.8, l: 1.5, q: 2, sigma: 0.5}
kernels:
  S: {formula: "exponential(d, l)", points: {file: data.h5, dataset: /s}}
  T: {formula: "exponential(d, q)", points: {file: data.h5, dataset: /t}}
covariance: "a^2*kron(S, ones(rows(T))) + b^2*kron(ones(rows(S)), T) + sigma^2*I"
)yaml" + more;
  }

  /// At new places, by a job and by universal kriging of all cells but the hidden ones.
  void expect_prediction(const std::string& dataset, const std::vector<Index>& hidden) {
    expect_done(job("predict", "observations: {file: data.h5, dataset: " + dataset +
                                   R"yaml(, missing: nan}
mean: {columns: ["kron(1, 1)"]}
new_points: {S: {file: data.h5, dataset: /fresh}}
noise: true
draws: 2
)yaml"));
    const Model model;
    std::vector<Index> kept;
    for (Index i = 0; i < cells; ++i) {
      if (std::ranges::find(hidden, i) == hidden.end()) kept.push_back(i);
    }
    const Matrix whole = model.covariance(places_), far = model.signal(fresh_, places_);
    oracle::Regression data{
        Matrix(std::ssize(kept), std::ssize(kept)), ones(std::ssize(kept), 1), {}};
    Matrix cross(far.rows, std::ssize(kept));
    for (Index j = 0; j < std::ssize(kept); ++j) {
      const Index cell = kept[static_cast<std::size_t>(j)];
      data.y.push_back(y_[static_cast<std::size_t>(cell)]);
      for (Index i = 0; i < std::ssize(kept); ++i) {
        data.covariance(i, j) = whole(kept[static_cast<std::size_t>(i)], cell);
      }
      for (Index i = 0; i < far.rows; ++i) cross(i, j) = far(i, cell);
    }
    const auto expected =
        oracle::universal_kriging(data, cross, model.signal(fresh_, fresh_), ones(far.rows, 1));
    const Numbers mean = read("/mean"), variance = read("/variance");
    ASSERT_EQ(std::ssize(mean), far.rows);
    for (Index i = 0; i < far.rows; ++i) {
      EXPECT_NEAR(mean[static_cast<std::size_t>(i)], expected.mean[static_cast<std::size_t>(i)],
                  1e-8);
      EXPECT_NEAR(variance[static_cast<std::size_t>(i)],
                  expected.covariance(i, i) + model.sigma * model.sigma, 1e-8);
    }
    EXPECT_EQ(std::ssize(read("/draws")), 2 * far.rows);
  }

  const std::vector<double> places_{0, 0.7, 1.9, 3.2, 4};
  const std::vector<double> fresh_{0.4, 2.5, 6};
  Numbers y_;
};

TEST_F(OnesJob, HasTheDenseDensityAndGradient) {
  expect_done(job("logpdf", R"yaml(
mean: 1
observations: {file: data.h5, dataset: /y}
gradient: {parameters: [a, b, l, q, sigma], input: true}
)yaml"));
  Numbers residual = y_;
  for (double& each : residual) each -= 1;
  const auto density = [&](const Model& model) {
    return oracle::log_density(model.covariance(places_), residual);
  };
  EXPECT_NEAR(read("/result")[0], density({}), 1e-10);
  const auto expect_slope = [&](const std::string& name, double Model::*parameter) {
    Model up, down;
    up.*parameter += 1e-5;
    down.*parameter -= 1e-5;
    EXPECT_NEAR(read("/gradient/" + name)[0], (density(up) - density(down)) / 2e-5, 1e-7) << name;
  };
  expect_slope("a", &Model::a);
  expect_slope("b", &Model::b);
  expect_slope("l", &Model::l);
  expect_slope("q", &Model::q);
  expect_slope("sigma", &Model::sigma);
}

TEST_F(OnesJob, KeepsEffectsAndTheirInteractionApart) {
  std::string text = job("logpdf",
                         "observations: {file: data.h5, dataset: /y}\n"
                         "gradient: {parameters: [a, l]}\n");
  text.replace(text.find(" + sigma^2*I"), 12, " + 0.3*a^2*kron(S, T) + sigma^2*I");
  expect_done(text);
  const auto density = [&](const Model& model) {
    const std::vector<double> times{0, 1, 2, 3};
    const Matrix both =
        oracle::kron({exponential(places_, places_, model.l), exponential(times, times, model.q)});
    return oracle::log_density(
        oracle::add(1, model.covariance(places_), 0.3 * model.a * model.a, both), y_);
  };
  EXPECT_NEAR(read("/result")[0], density({}), 1e-10);
  for (const auto& [name, parameter] :
       std::vector<std::pair<std::string, double Model::*>>{{"a", &Model::a}, {"l", &Model::l}}) {
    Model up, down;
    up.*parameter += 1e-5;
    down.*parameter -= 1e-5;
    EXPECT_NEAR(read("/gradient/" + name)[0], (density(up) - density(down)) / 2e-5, 1e-7) << name;
  }
}

TEST_F(OnesJob, CountsItsCoreInTheMemory) {
  const auto bytes = [&](const std::string& covariance) {
    std::string text =
        job("logpdf", "observations: {file: data.h5, dataset: /y}\noutput: out.h5\n");
    const auto begin = text.find("a^2*kron(S"), end = text.find(" + sigma^2*I");
    text.replace(begin, end - begin, covariance);
    if (comm_.is_root()) std::ofstream(path("job.yaml")) << text;
    comm_.barrier();
    CommandLine line;
    line.file = path("job.yaml");
    const auto planned = load_job(comm_, line);
    return plan_gaussian_job({comm_, planned}).needs.factor_bytes_per_node;
  };
  const std::string effects = "a^2*kron(S, ones(4)) + b^2*kron(ones(5), T)";
  const double alone = bytes("a^2*b^2*kron(S, T)");
  EXPECT_GE(bytes(effects) - alone, 3 * 8 * 8 * 8);
  EXPECT_GE(bytes(effects + " + kron(S, T)") - alone, 3 * 8 * 9 * 9);
}

TEST_F(OnesJob, PredictsAtNewPointsWithMissingCellsAndAnEstimatedMean) {
  expect_prediction("/gaps", {3, 9, 10});
}

TEST_F(OnesJob, PredictsWhereWholeSlicesAreMissing) {
  expect_prediction("/slices", {2, 3, 4, 5, 6, 7, 9, 10, 14, 18});
}

TEST_F(OnesJob, FitsDrawsAndSamplesPosteriors) {
  expect_done(job("fit", R"yaml(
mean: {columns: ["kron(1, 1)"]}
observations: {file: data.h5, dataset: /y}
fit: {parameters: {a: {prior: "half_normal(2)"}, sigma: {}}}
)yaml"));
  EXPECT_GT(read("/parameters/sigma")[0], 0.1);
  expect_done(job("sample", "draws: 3\nseed: 1\n"));
  EXPECT_EQ(std::ssize(read("/result")), 3 * cells);
}

TEST_F(OnesJob, CountsHaveTheSameWithOnesFromAFile) {
  const auto densities = [&](const std::string& first, const std::string& second,
                             const std::string& matrices) {
    expect_done(matrices + R"yaml(
task: logpdf
parameters: {a: 1.2, b: 0.8, l: 1.5, q: 2}
kernels:
  S: {formula: "exponential(d, l)", points: {file: data.h5, dataset: /s}}
  T: {formula: "exponential(d, q)", points: {file: data.h5, dataset: /t}}
likelihood: {family: poisson}
observations: {file: data.h5, dataset: /counts}
gradient: {parameters: [a, l]}
covariance: "a^2*kron(S, )yaml" +
                first + ") + b^2*kron(" + second + ", T)\"\n");
    return Numbers{read("/result")[0], read("/gradient/a")[0], read("/gradient/l")[0]};
  };
  const Numbers named = densities("ones(4)", "ones(rows(S))", "");
  const Numbers given =
      densities("J4", "J5",
                "matrices: {J4: {file: data.h5, dataset: /J4}, J5: {file: data.h5, dataset: /J5}}");
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(named[i], given[i], 1e-9 * std::abs(given[i]));
}

TEST_F(OnesJob, RefusesByNameWhatHasNoCore) {
  const std::string data = "observations: {file: data.h5, dataset: /y}\n";
  std::string text = job("logpdf", data);
  text.replace(text.find("sigma^2*I"), 9, "sigma^2*inv(kronsum(S, T))");
  expect_refused(text, "no coordinates make this covariance diagonal");
  text = job("logpdf", data);
  text.replace(text.find("sigma^2*I"), 9, "inv(kronsum(S, T)) + sigma^2*I");
  expect_refused(text, "no coordinates make this covariance diagonal: mode 1 has the matrices");
  text = job("predict", data + "factored_covariance: true\n");
  expect_refused(text, "no factors where the field's has terms with ones(n)");
}

}  // namespace
}  // namespace kronwerk::application
