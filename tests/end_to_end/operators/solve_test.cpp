// The main job against dense solves.
#include <cmath>

#include "end_to_end/program.hpp"

namespace kronwerk::end_to_end {
namespace {

using oracle::Matrix;

struct Flow {
  Matrix w;
  double rho_o = 0;
  double rho_d = 0;

  Matrix matrix() const { return oracle::kron(filter(w, rho_o), filter(w, rho_d)); }
  std::vector<double> solve(const std::vector<double>& b) const {
    return oracle::solve(matrix(), b);
  }
};

/// L = Σ η (half: Σ η²/2) at b.
double loss(const Flow& flow, const std::vector<double>& b, bool half_squares) {
  double sum = 0;
  for (const double eta : flow.solve(b)) sum += half_squares ? eta * eta / 2 : eta;
  return sum;
}

double central_difference(Flow flow, double Flow::*rho, const std::vector<double>& b,
                          bool half_squares) {
  constexpr double step = 1e-5;
  const double middle = flow.*rho;
  flow.*rho = middle + step;
  const double above = loss(flow, b, half_squares);
  flow.*rho = middle - step;
  return (above - loss(flow, b, half_squares)) / (2 * step);
}

class Solve : public ProgramTest {
 protected:
  void write_data(const Flow& flow, std::int64_t vectors, bool sparse) {
    const std::int64_t n = flow.w.rows;
    values_ = oracle::random_vector(vectors * n * n, 3);
    io::DataFile file(path("data.h5").string());
    if (sparse) {
      file.write_sparse("/W", to_sparse(flow.w));
    } else {
      file.write_dense("/W", std::vector<core::Index>{n, n}, flow.w.values);
    }
    const std::vector<core::Index> one{n, n};
    const std::vector<core::Index> several{vectors, n, n};
    file.write_dense("/b", vectors == 1 ? one : several, values_);
    file.commit();
  }

  std::string job(const Flow& flow, const std::string& cotangent) const {
    return fmt::format(R"yaml(task: solve
parameters: {{rho_o: {}, rho_d: {}}}
matrices:
  W: {{file: data.h5, dataset: /W}}
operator: "kron(I - rho_o*W, I - rho_d*W)"
input: {{file: data.h5, dataset: /b}}
gradient: {{cotangent: {}, parameters: [rho_o, rho_d], input: true}}
batch: 2
output: {{file: results/out.h5, overwrite: true}}
)yaml",
                       flow.rho_o, flow.rho_d, cotangent);
  }

  void check(const Flow& flow, std::int64_t vectors, bool half_squares) const {
    const Result result(path("results/out.h5"));
    const std::vector<double> eta = result.values("/result");
    const std::vector<double> input_gradient = result.values("/gradient/input");
    const std::size_t points = values_.size() / static_cast<std::size_t>(vectors);
    double by_origin = 0;
    double by_destination = 0;
    for (std::size_t v = 0; v < static_cast<std::size_t>(vectors); ++v) {
      const auto piece = [&](const std::vector<double>& all) {
        return std::vector<double>(all.begin() + static_cast<std::ptrdiff_t>(v * points),
                                   all.begin() + static_cast<std::ptrdiff_t>((v + 1) * points));
      };
      const std::vector<double> b = piece(values_);
      const std::vector<double> expected = flow.solve(b);
      EXPECT_LT(oracle::relative_error(piece(eta), expected), 1e-12);
      const std::vector<double> g = half_squares ? expected : std::vector<double>(points, 1.0);
      const auto adjoint = oracle::solve(oracle::transpose(flow.matrix()), g);
      EXPECT_LT(oracle::relative_error(piece(input_gradient), adjoint), 1e-12);
      by_origin += central_difference(flow, &Flow::rho_o, b, half_squares);
      by_destination += central_difference(flow, &Flow::rho_d, b, half_squares);
    }
    EXPECT_NEAR(result.value("/gradient/rho_o"), by_origin, 1e-7 * std::abs(by_origin));
    EXPECT_NEAR(result.value("/gradient/rho_d"), by_destination, 1e-7 * std::abs(by_destination));
    EXPECT_LT(result.number("/report", "relative_residual"), 1e-14);
    EXPECT_EQ(result.number("/report", "converged"), 1);
  }

  std::vector<double> values_;
};

TEST_F(Solve, AgreesWithDenseSolvesAndCentralDifferences) {
  int np = 0;
  for (const std::int64_t n : {4, 5, 6, 7}) {
    for (const std::string kind : {"ring", "line", "directed", "dense"}) {
      SCOPED_TRACE(fmt::format("{} of {}", kind, n));
      np = np % 4 + 1;
      const double sign = n % 2 == 0 ? 1 : -1;
      const Flow flow{weights(kind, n), 0.35 * sign, kind == "line" ? -0.6 : 0.4};
      const std::int64_t vectors = n == 5 || n == 6 ? 3 : 1;
      const bool half_squares = kind != "directed";
      write_data(flow, vectors, kind != "dense");
      const Outcome outcome = run(np, job(flow, half_squares ? "result" : "ones"));
      ASSERT_EQ(outcome.code, 0) << outcome.errors;
      check(flow, vectors, half_squares);
      std::filesystem::remove(path("data.h5"));
    }
  }
}

TEST_F(Solve, GivesTheSameForEveryNumberOfRanksAndTheSameBitsTwice) {
  const Flow flow{weights("directed", 7), 0.3, 0.5};
  write_data(flow, 3, true);
  const std::vector<std::string> names{"/result", "/gradient/input", "/gradient/rho_o",
                                       "/gradient/rho_d"};
  std::vector<std::vector<double>> first, previous;
  int last_np = 0;
  for (const int np : {1, 2, 2, 3, 4, 4}) {
    ASSERT_EQ(run(np, job(flow, "result")).code, 0);
    const Result result(path("results/out.h5"));
    EXPECT_EQ(result.number("/", "ranks"), np);
    std::vector<std::vector<double>> now;
    for (const std::string& name : names) now.push_back(result.values(name));
    if (first.empty()) first = now;
    for (std::size_t i = 0; i < names.size(); ++i) {
      EXPECT_LT(oracle::relative_error(now[i], first[i]), 1e-13) << names[i] << " np " << np;
    }
    EXPECT_TRUE(np != last_np || now == previous) << "np " << np;
    last_np = np;
    previous = now;
  }
}

TEST_F(Solve, TransformsTheInputAndItsGradient) {
  const Flow flow{weights("directed", 5), 0.3, -0.5};
  write_data(flow, 1, true);
  for (double& value : values_) value = std::abs(value) * 10;
  io::DataFile file(path("data.h5").string(), true);
  file.write_dense("/b", std::vector<core::Index>{25}, values_);
  file.commit();
  std::string text = job(flow, "ones");
  text.replace(text.find("dataset: /b"), 11, "dataset: /b, transform: log1p");
  ASSERT_EQ(run(2, text).code, 0);
  const Result result(path("results/out.h5"));
  std::vector<double> transformed;
  for (const double value : values_) transformed.push_back(std::log1p(value));
  EXPECT_EQ(result.shape("/result"), std::vector<std::int64_t>{25});
  EXPECT_LT(oracle::relative_error(result.values("/result"), flow.solve(transformed)), 1e-12);
  auto adjoint =
      oracle::solve(oracle::transpose(flow.matrix()), std::vector<double>(values_.size(), 1.0));
  for (std::size_t i = 0; i < adjoint.size(); ++i) adjoint[i] /= 1 + values_[i];
  EXPECT_LT(oracle::relative_error(result.values("/gradient/input"), adjoint), 1e-12);
}

TEST_F(Solve, TangentAndGradientAreAdjoint) {
  const Flow flow{weights("dense", 6), 0.3, -0.5};
  write_data(flow, 3, false);
  io::DataFile file(path("data.h5").string(), true);
  const auto g = oracle::random_vector(std::ssize(values_), 8);
  const auto t = oracle::random_vector(std::ssize(values_), 9);
  const std::vector<core::Index> shape{3, 36};
  file.write_dense("/g", shape, g);
  file.write_dense("/t", shape, t);
  file.commit();
  for (const std::string task : {"solve", "apply"}) {
    std::string text = job(flow, "{file: data.h5, dataset: /g}") +
                       "tangent: {parameters: {rho_o: 0.7, rho_d: -1.3}, input: {file: data.h5, "
                       "dataset: /t}}\n";
    text.replace(text.find("dataset: /b"), 11, "dataset: /b, transform: square");
    const Outcome outcome = run(3, text, "--set task=" + task);
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    const Result result(path("results/out.h5"));
    const double forward = dot(g, result.values("/tangent"));
    const double backward = dot(result.values("/gradient/input"), t) +
                            0.7 * result.value("/gradient/rho_o") -
                            1.3 * result.value("/gradient/rho_d");
    EXPECT_NEAR(forward, backward, 1e-12 * std::abs(forward)) << task;
    EXPECT_GT(std::abs(forward), 1e-3);
  }
}

TEST_F(Solve, KrylovFindsTheSameAndKeepsItsHistory) {
  const Flow flow{weights("directed", 6), 0.3, -0.5};
  write_data(flow, 3, true);
  const Outcome outcome = run(2, job(flow, "result"),
                              "--set solver.method=krylov --set solver.tolerance=1e-13 -- "
                              "-ksp_type bcgs -options_left");
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  const Result result(path("results/out.h5"));
  EXPECT_GT(result.number("/report", "iterations"), 0);
  EXPECT_GT(result.values("/history").size(), 3U);
  EXPECT_NE(result.text("/report", "method").find("krylov"), std::string::npos);
  const std::vector<double> b(values_.begin(), values_.begin() + 36);
  std::vector<double> eta = result.values("/result");
  eta.resize(36);
  EXPECT_LT(oracle::relative_error(eta, flow.solve(b)), 1e-10);
  EXPECT_EQ(outcome.count("There is one unused"), 0) << outcome.output;
  EXPECT_EQ(outcome.count("There are no unused options"), 1) << outcome.output;
}

TEST_F(Solve, WithoutConvergenceWritesTheResultAndExitsWith3) {
  const Flow flow{weights("directed", 7), 0.3, -0.5};
  write_data(flow, 1, true);
  const Outcome outcome = run(2, job(flow, "result"),
                              "--set solver.method=krylov --set solver.max_iterations=2 --quiet "
                              "-- -pc_type none");
  EXPECT_EQ(outcome.code, 3) << outcome.errors;
  EXPECT_EQ(outcome.count("did not reach the tolerance"), 1);
  EXPECT_EQ(outcome.output, "");
  EXPECT_EQ(Result(path("results/out.h5")).number("/report", "converged"), 0);
}

TEST_F(Solve, WritesWhatIsNeededToRepeatTheRun) {
  const Flow flow{weights("ring", 5), 0.3, -0.5};
  write_data(flow, 1, true);
  ASSERT_EQ(run(2, job(flow, "result"), "--set parameters.rho_o=0.125").code, 0);
  std::vector<double> before;
  std::string text;
  {
    const Result result(path("results/out.h5"));
    before = result.values("/result");
    text = result.text("/", "configuration");
    for (const char* name : {"kronwerk_version", "git_commit", "petsc_version", "hdf5_version",
                             "mpi_version", "started", "directory"}) {
      EXPECT_FALSE(result.text("/", name).empty()) << name;
    }
    EXPECT_GT(result.number("/", "seconds"), 0);
    for (const char* stage : {"read", "factorise", "solve", "gradient", "write"}) {
      EXPECT_GE(result.number("/report", std::string("seconds_") + stage), 0);
    }
    EXPECT_GT(result.number("/report", "peak_bytes_per_rank"), 1e6);
  }
  ASSERT_EQ(run(2, text).code, 0);
  EXPECT_EQ(Result(path("results/out.h5")).values("/result"), before);
}

TEST_F(Solve, TakesIslandsAndMoreRanksThanPoints) {
  Flow flow{weights("line", 2), 0.5, 0.25};
  for (std::int64_t j = 0; j < 2; ++j) flow.w(1, j) = 0;
  write_data(flow, 1, true);
  ASSERT_EQ(run(4, job(flow, "result")).code, 0);
  check(flow, 1, true);
}

}  // namespace
}  // namespace kronwerk::end_to_end
