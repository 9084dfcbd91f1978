// Krylov solves through the program: against the separable solve, where series diverge, and where
// they must fail in words.
#include <cmath>

#include "end_to_end/program.hpp"

namespace kronwerk::end_to_end {
namespace {

using oracle::Matrix;

class Krylov : public ProgramTest {
 protected:
  static constexpr std::int64_t n = 12;

  void write_data() {
    io::DataFile file(path("data.h5").string(), true);
    w_ = weights("line", n);
    file.write_sparse("/W", to_sparse(w_));
    y_ = oracle::random_vector(n * n, 7);
    file.write_dense("/y", std::vector<core::Index>{n, n}, y_);
    Matrix indefinite(3, 3);
    indefinite(0, 0) = 1;
    indefinite(1, 1) = -2;
    indefinite(2, 2) = 3;
    indefinite(0, 2) = indefinite(2, 0) = 0.5;
    file.write_dense("/S", std::vector<core::Index>{3, 3}, indefinite.values);
    file.write_dense("/z", std::vector<core::Index>{9}, oracle::random_vector(9, 3));
    // The sum of two matrices with a common null vector, and a right-hand side outside its range.
    file.write_dense("/N", std::vector<core::Index>{2, 2}, std::vector<double>{1, -1, -1, 1});
    file.write_dense("/M", std::vector<core::Index>{2, 2}, std::vector<double>{2, -2, 1, -1});
    file.write_dense("/b", std::vector<core::Index>{4}, std::vector<double>{1, 1, 1, 1});
    file.commit();
  }

  std::string flow(double o, double d, double w, const std::string& solver) const {
    return fmt::format(
        "task: solve\nparameters: {{o: {}, d: {}, w: {}}}\n"
        "matrices: {{W: {{file: data.h5, dataset: /W}}}}\n"
        "operator: \"kron(I, I) - d*kron(I, W) - o*kron(W, I) - w*kron(W, W)\"\n"
        "input: {{file: data.h5, dataset: /y}}\nsolver: {}\noutput: results/out.h5\n",
        o, d, w, solver);
  }

  std::vector<double> solve_dense(double o, double d, double w) const {
    const Matrix i = oracle::identity(n);
    Matrix op = oracle::add(1, oracle::kron(i, i), -d, oracle::kron(i, w_));
    op = oracle::add(1, op, -o, oracle::kron(w_, i));
    op = oracle::add(1, op, -w, oracle::kron(w_, w_));
    return oracle::solve(op, y_);
  }

  Matrix w_;
  std::vector<double> y_;
};

TEST_F(Krylov, AgreesWithTheSeparableSolveWhereTheOperatorIsOneProduct) {
  write_data();
  for (int np = 1; np <= 4; ++np) {
    std::filesystem::remove_all(path("results"));
    const auto outcome = run(np, flow(0.3, 0.35, -0.105, "{method: krylov, tolerance: 1.0e-12}"));
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    const auto values = Result(path("results/out.h5")).values("/result");
    EXPECT_LT(oracle::relative_error(values, solve_dense(0.3, 0.35, -0.105)), 1e-10);
  }
}

TEST_F(Krylov, SolvesWhereSeriesDiverge) {
  write_data();
  for (const std::string method : {"krylov", "direct"}) {
    std::filesystem::remove_all(path("results"));
    const auto outcome =
        run(2, flow(0.5, 0.5, -0.25, fmt::format("{{method: {}, tolerance: 1.0e-12}}", method)));
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    const auto values = Result(path("results/out.h5")).values("/result");
    EXPECT_LT(oracle::relative_error(values, solve_dense(0.5, 0.5, -0.25)), 1e-10);
  }
}

TEST_F(Krylov, LetsTheOptionsOfPetscWin) {
  write_data();
  const auto outcome =
      run(2, flow(0.3, 0.35, 0.1, "{method: krylov}"), "-- -ksp_type bcgs -ksp_view");
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_GE(outcome.count("type: bcgs"), 1) << outcome.output;
  const auto values = Result(path("results/out.h5")).values("/result");
  EXPECT_LT(oracle::relative_error(values, solve_dense(0.3, 0.35, 0.1)), 1e-8);
}

TEST_F(Krylov, EndsWithThreeAndTheHistoryWhereIterationsAreTooFew) {
  write_data();
  const auto outcome =
      run(2, flow(0.3, 0.35, 0.1, "{method: krylov, tolerance: 1.0e-14, max_iterations: 2}"));
  EXPECT_EQ(outcome.code, 3) << outcome.output << outcome.errors;
  const Result result(path("results/out.h5"));
  EXPECT_EQ(result.number("/report", "converged"), 0);
  EXPECT_GE(result.values("/history").size(), 2U);
}

TEST_F(Krylov, TellsThatConjugateGradientsMetAnIndefiniteOperator) {
  write_data();
  const auto outcome = run(2,
                           "task: solve\nmatrices: {S: {file: data.h5, dataset: /S}}\n"
                           "operator: \"kron(S, I) + 0.3*kron(S, S) + 2*kron(I, S)\"\n"
                           "input: {file: data.h5, dataset: /z}\n"
                           "solver: {method: krylov}\noutput: results/out.h5\n",
                           "-- -ksp_type cg -pc_type none");
  EXPECT_EQ(outcome.code, 3) << outcome.output << outcome.errors;
  EXPECT_GE(outcome.count("ndefinite") + outcome.count("INDEFINITE"), 1) << outcome.errors;
}

TEST_F(Krylov, DoesNotHangOrReturnNanOnAnInconsistentSystem) {
  write_data();
  const auto outcome =
      run(2,
          "task: solve\nmatrices:\n  N: {file: data.h5, dataset: /N}\n"
          "  M: {file: data.h5, dataset: /M}\n"
          "operator: \"kron(N, M) + kron(M, N) + kron(N, N)\"\n"
          "input: {file: data.h5, dataset: /b}\n"
          "solver: {method: krylov, max_iterations: 50}\noutput: results/out.h5\n");
  EXPECT_EQ(outcome.code, 3) << outcome.output << outcome.errors;
  for (const double value : Result(path("results/out.h5")).values("/result")) {
    EXPECT_TRUE(std::isfinite(value));
  }
}

TEST_F(Krylov, LogDeterminantsAgreeWithTheEigenvaluesWithinTheirError) {
  write_data();
  const std::string text = fmt::format(
      "task: logdet\nparameters: {{o: 0.3, d: 0.35, w: 0.1}}\n"
      "matrices: {{W: {{file: data.h5, dataset: /W}}}}\n"
      "operator: \"kron(I, I) - d*kron(I, W) - o*kron(W, I) - w*kron(W, W)\"\n"
      "gradient: {{parameters: [o, w]}}\noutput: {{file: results/out.h5, overwrite: true}}\n");
  ASSERT_EQ(run(1, text).code, 0);
  const Result exact(path("results/out.h5"));
  std::filesystem::copy(path("results/out.h5"), path("exact.h5"));
  const double expected = Result(path("exact.h5")).value("/result");
  std::vector<double> estimates;
  for (int np = 1; np <= 3; ++np) {
    const auto outcome = run(np, text + "solver: {method: krylov, probes: 40}\n");
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    const Result estimate(path("results/out.h5"));
    const double error = estimate.value("/standard_error");
    EXPECT_GT(error, 0);
    EXPECT_NEAR(estimate.value("/result"), expected,
                4 * error + estimate.value("/quadrature_error"));
    EXPECT_NEAR(estimate.value("/gradient/o"), Result(path("exact.h5")).value("/gradient/o"),
                0.1 * n * n);
    estimates.push_back(estimate.value("/result"));
  }
  EXPECT_NEAR(estimates[1], estimates[0], 1e-8 * std::abs(expected));
  EXPECT_NEAR(estimates[2], estimates[0], 1e-8 * std::abs(expected));
}

TEST_F(Krylov, IsNamedByThePlanWithTheReason) {
  write_data();
  write_text(path("job.yaml"), flow(0.3, 0.35, 0.1, "{method: krylov}"));
  const auto asked = kronwerk(1, "plan job.yaml");
  EXPECT_EQ(asked.count("method      krylov: asked for by solver.method"), 1) << asked.output;
  const auto direct = kronwerk(1, "plan job.yaml --set solver.method=auto");
  EXPECT_EQ(direct.count("method      direct: the factors of each mode are made diagonal together"),
            1)
      << direct.output;
  const auto determinant = kronwerk(1, "plan job.yaml --set task=logdet --set solver.method=auto");
  EXPECT_EQ(determinant.count("method      direct: from the eigenvalues"), 1) << determinant.output;
  EXPECT_EQ(determinant.count("(0 bytes of vectors)"), 1) << determinant.output;
  const auto probed = kronwerk(1, "plan job.yaml --set task=logdet --set solver.method=krylov");
  EXPECT_EQ(probed.count("stochastic Lanczos quadrature: asked for"), 1) << probed.output;
  EXPECT_EQ(probed.count("exchanges   2 per application, of which a step needs up to 2"), 1)
      << probed.output;
  EXPECT_EQ(probed.count("(0 bytes of vectors)"), 0) << probed.output;
}

TEST_F(Krylov, LogDeterminantOfAProductHasItsKnownValue) {
  io::DataFile file(path("data.h5").string(), true);
  file.write_dense("/a", std::vector<core::Index>{3, 3},
                   std::vector<double>{4, 0, 2, 0, 3, -1, 2, -1, 3});
  file.write_dense("/b", std::vector<core::Index>{2, 2}, std::vector<double>{2, 1, 1, 2});
  file.write_dense("/c", std::vector<core::Index>{4, 4},
                   std::vector<double>{4, .5, 1, 0, .5, 4, -1, 0, 1, -1, 3, 0, 0, 0, 0, 4});
  file.commit();
  const auto outcome = run(3,
                           "task: logdet\nmatrices:\n  a: {file: data.h5, dataset: /a}\n"
                           "  b: {file: data.h5, dataset: /b}\n  c: {file: data.h5, dataset: /c}\n"
                           "operator: \"kron(a, b, c)\"\noutput: results/out.h5\n");
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_NEAR(Result(path("results/out.h5")).value("/result"),
              8 * std::log(20) + 12 * std::log(3) + 6 * std::log(153), 1e-12);
}

}  // namespace
}  // namespace kronwerk::end_to_end
