// Jobs that run for all combinations of some parameters.
#include <cmath>

#include "end_to_end/program.hpp"

namespace kronwerk::end_to_end {
namespace {

using oracle::Matrix;

class Sweep : public ProgramTest {
 protected:
  void write_data(const Matrix& w) {
    w_ = w;
    std::filesystem::remove(path("data.h5"));
    io::DataFile file(path("data.h5").string());
    file.write_sparse("/W", to_sparse(w));
    b_ = oracle::random_vector(w.rows * w.rows, 3);
    file.write_dense("/b", std::vector<core::Index>{w.rows, w.rows}, b_);
    file.commit();
  }

  static std::string job(const std::string& sweep, const std::string& more = "") {
    return fmt::format(R"yaml(task: solve
parameters: {{rho_o: 0.35}}
matrices:
  W: {{file: data.h5, dataset: /W}}
operator: "kron(I - rho_o*W, I - rho_d*W)"
input: {{file: data.h5, dataset: /b}}
output: {{file: results/out.h5, overwrite: true}}
sweep: {}
{})yaml",
                       sweep, more);
  }

  std::vector<double> solution(double rho_o, double rho_d) const {
    return oracle::solve(oracle::kron(filter(w_, rho_o), filter(w_, rho_d)), b_);
  }

  std::vector<double> point(const Result& result, std::size_t number) const {
    const auto all = result.values("/result");
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(number * b_.size());
    return {begin, begin + static_cast<std::ptrdiff_t>(b_.size())};
  }

  Matrix w_;
  std::vector<double> b_;
};

using Shape = std::vector<std::int64_t>;

TEST_F(Sweep, SolvesForAllCombinationsTheFirstNameSlowest) {
  write_data(weights("directed", 5));
  for (const int np : {1, 3}) {
    const Outcome outcome =
        run(np, job("{rho_o: [0.1, -0.2], rho_d: {from: 0.3, to: 0.5, count: 3}}",
                    "gradient: {cotangent: ones, parameters: [rho_d], input: true}"));
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    const Result result(path("results/out.h5"));
    EXPECT_EQ(result.shape("/result"), (Shape{2, 3, 5, 5}));
    EXPECT_EQ(result.shape("/gradient/input"), (Shape{2, 3, 5, 5}));
    EXPECT_EQ(result.shape("/gradient/rho_d"), (Shape{2, 3}));
    EXPECT_EQ(result.values("/sweep/rho_o"), (std::vector<double>{0.1, -0.2}));
    EXPECT_EQ(result.values("/sweep/rho_d"), (std::vector<double>{0.3, 0.4, 0.5}));
    EXPECT_EQ(result.values("/converged"), std::vector<double>(6, 1.0));
    std::size_t number = 0;
    for (const double rho_o : {0.1, -0.2}) {
      for (const double rho_d : {0.3, 0.4, 0.5}) {
        EXPECT_LT(oracle::relative_error(point(result, number), solution(rho_o, rho_d)), 1e-12);
        ++number;
      }
    }
    EXPECT_EQ(outcome.count("rho_o = "), 6) << outcome.output;
    EXPECT_FALSE(std::filesystem::exists(path("results/out.h5.state")));
  }
}

TEST_F(Sweep, FactorisesEachFactorOnce) {
  write_data(weights("directed", 5));
  const Outcome outcome =
      run(2, job("{rho_o: [0.1, 0.2, 0.3], rho_d: {from: 0.4, to: 0.7, count: 4}}"));
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  // Of 24 factors in 12 points, 7 are different.
  EXPECT_EQ(Result(path("results/out.h5")).number("/report", "factorisations"), 7);
}

TEST_F(Sweep, DecomposesAMatrixThatDoesNotDependOnTheParametersOnce) {
  write_data(weights("ring", 6));
  const std::string text = R"yaml(task: logdet
matrices:
  W: {file: data.h5, dataset: /W}
operator: "kron(I, I) - r*kron(W, I) - s*kron(I, W) - 0.1*kron(W, W)"
output: results/out.h5
sweep: {r: [0.1, 0.2, 0.3], s: [0.4, 0.5]}
)yaml";
  const Outcome outcome = run(2, text);
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  const Result result(path("results/out.h5"));
  EXPECT_EQ(result.shape("/result"), (Shape{3, 2}));
  EXPECT_EQ(result.shape("/sign"), (Shape{3, 2}));
  EXPECT_EQ(result.number("/report", "decompositions"), 1);
  const Matrix eye = oracle::identity(6);
  std::size_t number = 0;
  for (const double r : {0.1, 0.2, 0.3}) {
    for (const double s : {0.4, 0.5}) {
      Matrix dense = oracle::add(1, oracle::kron(eye, eye), -r, oracle::kron(w_, eye));
      dense = oracle::add(1, dense, -s, oracle::kron(eye, w_));
      dense = oracle::add(1, dense, -0.1, oracle::kron(w_, w_));
      EXPECT_NEAR(result.values("/result")[number++], oracle::log_abs_det(dense), 1e-11);
    }
  }
}

TEST_F(Sweep, GoesOnAfterAFailureWithThePointsThatAreThere) {
  write_data(weights("directed", 4));
  const std::string text = job("{rho_o: [0.1, 0.2, 0.9], rho_d: [0.5]}");
  // A singular point would not end the sweep; one whose result cannot be written does.
  const auto obstacle = path("results/out.h5.state/point-000002.h5");
  std::filesystem::create_directories(obstacle);
  const Outcome failed = run(2, text);
  EXPECT_EQ(failed.code, 2);
  EXPECT_EQ(failed.count("at point 3 of the sweep (rho_o = 0.9, rho_d = 0.5)"), 1) << failed.errors;
  std::filesystem::remove(obstacle);
  EXPECT_TRUE(std::filesystem::exists(path("results/out.h5.state/point-000001.h5")));
  EXPECT_FALSE(std::filesystem::exists(path("results/out.h5")));
  const Outcome outcome = run(2, text);
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_EQ(outcome.count("goes on from results/out.h5.state with 2 of 3 points"), 1)
      << outcome.output;
  const Result result(path("results/out.h5"));
  EXPECT_EQ(result.number("/report", "points_of_this_run"), 1);
  EXPECT_EQ(result.text("/report", "resumed"), "2 of 3 points");
  EXPECT_EQ(result.values("/converged"), (std::vector<double>{1, 1, 1}));
  EXPECT_LT(oracle::relative_error(point(result, 0), solution(0.1, 0.5)), 1e-12);
  EXPECT_LT(oracle::relative_error(point(result, 2), solution(0.9, 0.5)), 1e-12);
  EXPECT_FALSE(std::filesystem::exists(path("results/out.h5.state")));
}

TEST_F(Sweep, GoesOnAfterAKill) {
  write_data(weights("directed", 5));
  write_text(path("job.yaml"), job("{rho_o: {from: 0, to: 0.9, count: 150}, rho_d: [0.2]}"));
  // Without mpirun: a process that is killed at once, as a node that fails would be.
  const Outcome killed =
      shell(fmt::format("{} run job.yaml & pid=$!; for i in $(seq 600); do "
                        "[ -e results/out.h5.state/point-000002.h5 ] && break; sleep 0.05; done; "
                        "kill -9 $pid; wait $pid; test ! -e results/out.h5",
                        program_));
  EXPECT_EQ(killed.code, 0) << killed.errors;
  const Outcome outcome = run(2, read_text(path("job.yaml")));
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  const Result result(path("results/out.h5"));
  const double computed = result.number("/report", "points_of_this_run");
  EXPECT_LE(computed, 147);
  EXPECT_GE(computed, 1);
  EXPECT_EQ(result.shape("/result"), (Shape{150, 1, 5, 5}));
  for (const std::size_t number : {std::size_t{0}, std::size_t{2}, std::size_t{149}}) {
    const double rho_o = 0.9 * static_cast<double>(number) / 149;
    EXPECT_LT(oracle::relative_error(point(result, number), solution(rho_o, 0.2)), 1e-12);
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(path("results")), {}), 1);
}

TEST_F(Sweep, DiscardsThePointsOfAnotherConfiguration) {
  write_data(weights("directed", 4));
  const auto obstacle = path("results/out.h5.state/point-000002.h5");
  std::filesystem::create_directories(obstacle);
  ASSERT_EQ(run(1, job("{rho_o: [0.1, 0.2, 1], rho_d: [0.5]}")).code, 2);
  std::filesystem::remove(obstacle);
  const Outcome outcome = run(2, job("{rho_o: [0.3, 0.2], rho_d: [0.5]}"));
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_EQ(outcome.count("results/out.h5.state: belongs to another configuration"), 1)
      << outcome.errors;
  const Result result(path("results/out.h5"));
  EXPECT_EQ(result.number("/report", "points_of_this_run"), 2);
  EXPECT_LT(oracle::relative_error(point(result, 0), solution(0.3, 0.5)), 1e-12);
}

TEST_F(Sweep, PointsThatDoNotConvergeDoNotStopIt) {
  write_data(weights("directed", 6));
  const Outcome outcome =
      run(2, job("{rho_o: [0.9, 0], rho_d: [0.8, 0]}",
                 "solver: {method: krylov, max_iterations: 3}\npetsc: \"-pc_type none\""));
  EXPECT_EQ(outcome.code, 3) << outcome.errors;
  EXPECT_EQ(outcome.count("of the 4 points of the sweep did not converge"), 1) << outcome.errors;
  const Result result(path("results/out.h5"));
  const auto converged = result.values("/converged");
  EXPECT_EQ(result.shape("/converged"), (Shape{2, 2}));
  EXPECT_EQ(converged[0], 0);
  EXPECT_EQ(converged[3], 1);
  EXPECT_LT(oracle::relative_error(point(result, 3), b_), 1e-10);
  EXPECT_EQ(result.number("/report", "converged"), 0);
  // The histories differ in length.
  const Shape shape = result.shape("/history");
  ASSERT_EQ(shape.size(), 3U);
  const auto history = result.values("/history");
  EXPECT_FALSE(std::isnan(history.front()));
  EXPECT_TRUE(std::isnan(history.back()));
}

/// Rows of W add up to 1, so that I - W is singular.
TEST_F(Sweep, ASingularPointIsNaNAndTheSweepGoesOn) {
  write_data(weights("ring", 5));
  for (const int np : {1, 3}) {
    const Outcome outcome = run(np, job("{rho_o: [1, 0.2], rho_d: [0.3, 1]}",
                                        "gradient: {cotangent: ones, parameters: [rho_d]}"));
    EXPECT_EQ(outcome.code, 3) << outcome.output << outcome.errors;
    EXPECT_EQ(outcome.count("3 of the 4 points"), 1) << outcome.errors;
    EXPECT_GE(outcome.count("singular to working precision"), 3) << outcome.output;
    const Result result(path("results/out.h5"));
    EXPECT_EQ(result.shape("/result"), (Shape{2, 2, 5, 5}));
    EXPECT_EQ(result.values("/converged"), (std::vector<double>{0, 0, 1, 0}));
    EXPECT_LT(oracle::relative_error(point(result, 2), solution(0.2, 0.3)), 1e-12);
    for (const std::size_t bad : {0U, 1U, 3U}) {
      for (const double value : point(result, bad)) EXPECT_TRUE(std::isnan(value));
      EXPECT_TRUE(std::isnan(result.values("/gradient/rho_d")[bad]));
    }
    EXPECT_FALSE(std::filesystem::exists(path("results/out.h5.state")));
  }
}

TEST_F(Sweep, TheLogDeterminantOfASingularPointIsMinusInfinity) {
  write_data(weights("ring", 5));
  for (const std::string formula :
       {"kron(I - rho_o*W, I - rho_d*W)", "kron(I, I) - rho_o*kron(I, W) - rho_d*kron(W, W)"}) {
    const bool product = formula[5] == 'I' && formula[7] == '-';
    std::string text = job("{rho_o: [0.5, 1], rho_d: [0, 0.5]}");
    text.replace(text.find("kron(I - rho_o*W, I - rho_d*W)"), 30, formula);
    const Outcome outcome = run(2, text, "--set task=logdet");
    EXPECT_EQ(outcome.code, 3) << outcome.output << outcome.errors;
    const Result result(path("results/out.h5"));
    // 0.5 + 0.5 = 1 as well, in the sum.
    const std::vector<double> good{1, product ? 1.0 : 0.0, 0, product ? 0.0 : 1.0};
    EXPECT_EQ(result.values("/converged"), good) << formula;
    for (std::size_t i = 0; i < good.size(); ++i) {
      EXPECT_EQ(std::isinf(result.values("/result")[i]), good[i] == 0) << formula;
      EXPECT_LT(good[i] == 0 ? result.values("/result")[i] : -1, 0) << formula;
      EXPECT_EQ(result.values("/sign")[i] == 0, good[i] == 0) << formula;
    }
  }
}

TEST_F(Sweep, OtherTasksGoOnBeyondASingularPointToo) {
  write_data(weights("ring", 5));
  for (const std::string task : {"apply", "trace", "diagonal", "eigenvalues", "assemble"}) {
    std::string text = job("{rho_o: [0.5, 1, 0.2]}");
    text.replace(text.find("kron(I - rho_o*W, I - rho_d*W)"), 30, "kron(inv(I - rho_o*W), W)");
    const Outcome outcome = run(2, text, "--set task=" + task);
    EXPECT_EQ(outcome.code, 3) << task << outcome.output << outcome.errors;
    const Result result(path("results/out.h5"));
    EXPECT_EQ(result.values("/converged"), (std::vector<double>{1, 0, 1})) << task;
    EXPECT_TRUE(result.has("/result")) << task;
  }
}

TEST_F(Sweep, WrongDataStillEndIt) {
  write_data(weights("ring", 5));
  std::string text = job("{rho_d: [0.3, 0.5]}");
  text.replace(text.find("dataset: /b"), 11, "dataset: /c");
  const Outcome outcome = run(2, text);
  EXPECT_EQ(outcome.code, 2) << outcome.output << outcome.errors;
}

TEST_F(Sweep, IsPartOfThePlan) {
  write_data(weights("directed", 4));
  write_text(path("job.yaml"), job("{rho_o: [0.1, 0.2], rho_d: {from: 0, to: 0.9, count: 10}}"));
  const Outcome outcome = kronwerk(1, "plan job.yaml");
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_EQ(outcome.count("20 points: rho_o (2) x rho_d (10)"), 1) << outcome.output;
}

TEST_F(Sweep, RefusesWhatTheFormulaDoesNotHaveAndAnExistingResult) {
  write_data(weights("directed", 4));
  const Outcome unknown = run(2, job("{rho_d: [0.5], rho_x: [0.1]}"));
  EXPECT_EQ(unknown.code, 2);
  EXPECT_EQ(unknown.count("the parameter 'rho_x' is not used by the operator"), 1)
      << unknown.errors;
  ASSERT_EQ(run(1, job("{rho_d: [0.5]}")).code, 0);
  const Outcome existing = run(2, job("{rho_d: [0.6]}"), "--set output.overwrite=false");
  EXPECT_EQ(existing.code, 2);
  EXPECT_EQ(existing.count("rho_d = 0.6"), 0) << existing.output;
}

}  // namespace
}  // namespace kronwerk::end_to_end
