// Every solve is judged: right-hand side by right-hand side, forward, adjoint and tangent.
#include <cmath>

#include "end_to_end/program.hpp"
#include "support/growing_matrix.hpp"

namespace kronwerk::end_to_end {
namespace {

using oracle::Matrix;

class Judge : public ProgramTest {
 protected:
  static constexpr std::int64_t n = 9;

  /// A sum that Krylov solves in one step for vectors of ones, on which W acts as 1.
  void write_data(double scale = 1) {
    std::filesystem::remove(path("data.h5"));
    io::DataFile file(path("data.h5").string());
    file.write_sparse("/W", to_sparse(weights("directed", n)));
    file.write_dense("/V", std::vector<core::Index>{n, n}, weights("dense", n).values);
    const std::vector<core::Index> shape{n, n};
    b_ = oracle::random_vector(n * n, 3);
    for (double& each : b_) each *= scale;
    file.write_dense("/b", shape, b_);
    const std::vector<double> ones(static_cast<std::size_t>(n * n), 1.0);
    file.write_dense("/ones", shape, ones);
    two_.assign(ones.size(), 1e12);
    two_.insert(two_.end(), b_.begin(), b_.end());
    file.write_dense("/two", std::vector<core::Index>{2, n, n}, two_);
    file.commit();
  }

  static std::string job(const std::string& input, const std::string& solver,
                         const std::string& more = "") {
    return fmt::format(
        "task: solve\nparameters: {{a: 0.45, b: 0.35}}\n"
        "matrices: {{W: {{file: data.h5, dataset: /W}}, V: {{file: data.h5, dataset: /V}}}}\n"
        "operator: \"kron(I, I) - a*kron(W, V) - b*kron(V, W)\"\n"
        "input: {{file: data.h5, dataset: {}}}\nsolver: {}\n"
        "output: {{file: results/out.h5, overwrite: true}}\npetsc: \"-pc_type none\"\n{}\n",
        input, solver, more);
  }

  Matrix op() const {
    const Matrix w = weights("directed", n);
    const Matrix v = weights("dense", n);
    const Matrix i = oracle::identity(n);
    const Matrix part = oracle::add(1, oracle::kron(i, i), -0.45, oracle::kron(w, v));
    return oracle::add(1, part, -0.35, oracle::kron(v, w));
  }

  std::vector<double> b_;
  std::vector<double> two_;
};

constexpr const char* few = "{method: krylov, max_iterations: 3}";

TEST_F(Judge, ALargeRightHandSideDoesNotHideASmallOne) {
  write_data();
  for (const int np : {1, 2, 3}) {
    const Outcome outcome = run(np, job("/two", few));
    EXPECT_EQ(outcome.code, 3) << outcome.output << outcome.errors;
    EXPECT_EQ(outcome.count("did not reach the tolerance"), 1) << outcome.errors;
    const Result result(path("results/out.h5"));
    EXPECT_EQ(result.number("/report", "converged"), 0);
    // Over both together it would be below 1e-13.
    EXPECT_GT(result.number("/report", "relative_residual"), 1e-6);
    EXPECT_EQ(outcome.count(fmt::format("{:.2g}", result.number("/report", "relative_residual"))),
              1)
        << outcome.errors;
  }
}

TEST_F(Judge, TheAdjointIsJudgedWhereTheForwardSolvePasses) {
  write_data();
  for (const int np : {1, 2}) {
    const Outcome outcome = run(
        np,
        job("/ones", few, "gradient: {cotangent: {file: data.h5, dataset: /b}, parameters: [a]}"));
    EXPECT_EQ(outcome.code, 3) << outcome.output << outcome.errors;
    EXPECT_EQ(outcome.count("in the adjoint solve"), 1) << outcome.errors;
    const Result result(path("results/out.h5"));
    EXPECT_LE(result.number("/report", "relative_residual"), 1e-10);
    EXPECT_GT(result.number("/report", "adjoint_residual"), 1e-6);
    EXPECT_EQ(result.number("/report", "converged"), 0);
    EXPECT_TRUE(result.has("/gradient/a"));
  }
}

TEST_F(Judge, TheTangentIsJudgedWhereTheForwardSolvePasses) {
  write_data();
  const Outcome outcome =
      run(2, job("/ones", few, "tangent: {input: {file: data.h5, dataset: /b}}"));
  EXPECT_EQ(outcome.code, 3) << outcome.output << outcome.errors;
  EXPECT_EQ(outcome.count("in the tangent's solve"), 1) << outcome.errors;
  const Result result(path("results/out.h5"));
  EXPECT_LE(result.number("/report", "relative_residual"), 1e-10);
  EXPECT_GT(result.number("/report", "tangent_residual"), 1e-6);
  EXPECT_EQ(result.number("/report", "converged"), 0);
}

TEST_F(Judge, AllThreeAreReportedWhereAllPass) {
  write_data();
  const Outcome outcome = run(2, job("/b", "{method: krylov}",
                                     "gradient: {cotangent: result, parameters: [a, b]}\n"
                                     "tangent: {parameters: {a: 1}}"));
  ASSERT_EQ(outcome.code, 0) << outcome.output << outcome.errors;
  const Result result(path("results/out.h5"));
  for (const char* name : {"relative_residual", "adjoint_residual", "tangent_residual"}) {
    EXPECT_LE(result.number("/report", name), 1e-10) << name;
    EXPECT_GT(result.number("/report", name), 0) << name;
  }
  EXPECT_EQ(result.text("/report", "accepted_by"), "tolerance");
  EXPECT_EQ(result.number("/report", "refinement_steps"), 0);
}

TEST_F(Judge, TinyRightHandSidesAreSolvedAndJudged) {
  const Matrix dense = op();
  for (const double scale : {1e-170, 1e-300}) {
    write_data(scale);
    for (const std::string method : {"krylov", "direct"}) {
      std::string text = job("/b", fmt::format("{{method: {}}}", method));
      if (method == "direct") {
        text.replace(text.find("kron(I, I) - a*kron(W, V)"), 25, "a*b*kron(2*I - W, 2*I - V)");
        text.replace(text.find(" - b*kron(V, W)"), 15, "");
      }
      const Outcome outcome = run(2, text);
      ASSERT_EQ(outcome.code, 0) << outcome.output << outcome.errors;
      const Result result(path("results/out.h5"));
      EXPECT_LE(result.number("/report", "relative_residual"), 1e-10);
      EXPECT_GT(result.number("/report", "relative_residual"), 0);
      if (method == "direct") continue;
      std::vector<double> x = result.values("/result");
      std::vector<double> b = b_;
      for (double& each : x) each /= scale;
      for (double& each : b) each /= scale;
      EXPECT_LT(oracle::relative_error(oracle::multiply(dense, x), b), 1e-9);
    }
  }
}

TEST_F(Judge, RoundingLevelIsSaidWithConditionAndError) {
  // ‖x‖ is large: the true residual is far above the tolerance, and no solution has a smaller one.
  std::filesystem::remove(path("data.h5"));
  const std::int64_t size = 8;
  Matrix hilbert(size, size);
  for (std::int64_t i = 0; i < size; ++i) {
    for (std::int64_t j = 0; j < size; ++j) hilbert(i, j) = 1.0 / static_cast<double>(i + j + 1);
  }
  io::DataFile file(path("data.h5").string());
  file.write_dense("/H", std::vector<core::Index>{size, size}, hilbert.values);
  file.write_dense("/b", std::vector<core::Index>{size, size},
                   oracle::random_vector(size * size, 5));
  file.commit();
  for (const int np : {1, 3}) {
    const Outcome outcome = run(np,
                                "task: solve\nmatrices: {H: {file: data.h5, dataset: /H}}\n"
                                "operator: \"kron(H, H)\"\n"
                                "input: {file: data.h5, dataset: /b}\n"
                                "output: {file: results/out.h5, overwrite: true}\n");
    ASSERT_EQ(outcome.code, 0) << outcome.output << outcome.errors;
    const Result result(path("results/out.h5"));
    EXPECT_EQ(result.text("/report", "accepted_by"), "rounding level");
    EXPECT_GT(result.number("/report", "relative_residual"), 1e-10);
    EXPECT_LE(result.number("/report", "backward_error"), 2.3e-15);
    // cond(H) is 1.5e10.
    EXPECT_GT(result.number("/report", "condition"), 1e17);
    EXPECT_GT(result.number("/report", "error_estimate"), 0);
    EXPECT_EQ(outcome.count("at rounding level"), 1) << outcome.output;
  }
}

/// With all three parameters free, `auto` takes the Schur form of weights that are nearly
/// defective.
TEST_F(Judge, TheFlightsWithThreeParametersAreRightOrNotConverged) {
  const std::string source = std::getenv("KRONWERK_SOURCE_DIR");
  const Outcome outcome =
      run(2, fmt::format("task: solve\nparameters: {{o: 0.30, d: 0.35, w: 0.1}}\n"
                         "matrices: {{W: {{file: {0}, dataset: /W}}}}\n"
                         "operator: \"kron(I, I) - d*kron(I, W) - o*kron(W, I) - "
                         "w*kron(W, W)\"\n"
                         "input: {{file: {0}, dataset: /flights, transform: "
                         "log1p}}\noutput: results/out.h5\n",
                         source + "/configs/flights/flights.h5"));
  const Result result(path("results/out.h5"));
  const double residual = result.number("/report", "relative_residual");
  const bool right = residual <= 1e-10;
  EXPECT_EQ(outcome.code, right ? 0 : 3) << outcome.output << outcome.errors;
  EXPECT_EQ(result.number("/report", "converged"), right ? 1 : 0);
}

/// A residual is found by applying the operator, which holds inv(G).
TEST_F(Judge, SolvesInsideAnOperatorThatIsSolvedWithAreJudgedToo) {
  for (const std::int64_t extent : {45, 90}) {
    const Matrix g = oracle::growing_matrix(extent), b = oracle::random_regular(2, 5);
    std::filesystem::remove(path("data.h5"));
    io::DataFile file(path("data.h5").string());
    file.write_dense("/G", std::vector<core::Index>{extent, extent}, g.values);
    file.write_dense("/B", std::vector<core::Index>{2, 2}, b.values);
    file.write_dense("/x", std::vector<core::Index>{extent, 2},
                     oracle::random_vector(2 * extent, 6));
    file.commit();
    const auto outcome = run(
        2,
        std::string("task: solve\nmatrices:\n  G: {file: data.h5, dataset: /G}\n"
                    "  B: {file: data.h5, dataset: /B}\n"
                    "operator: \"0.1*kron(inv(G), B) + 2*kron(I, I) + 0.1*kron(G, B')\"\n"
                    "input: {file: data.h5, dataset: /x}\nsolver: {method: krylov, tolerance: ") +
            (extent == 45 ? "1e-9" : "1e-12") +
            "}\n"
            "output: {file: results/out.h5, overwrite: true}\n");
    const Result result(path("results/out.h5"));
    if (extent == 45) {
      EXPECT_GE(result.number("/report", "refinement_steps"), 1);
      EXPECT_LE(result.number("/report", "inner_residual"), 1e-9);
      continue;
    }
    EXPECT_EQ(outcome.code, 3) << outcome.output << outcome.errors;
    EXPECT_EQ(result.number("/report", "converged"), 0);
    EXPECT_GT(result.number("/report", "inner_residual"), 1e-12);
  }
}

/// inv(G) of a matrix whose decomposition loses digits, many or all, though its condition is small.
TEST_F(Judge, SolvesInsideAnAppliedOperatorAreRefinedOrDoNotConverge) {
  for (const std::int64_t extent : {45, 90}) {
    const Matrix g = oracle::growing_matrix(extent), b = oracle::random_regular(2, 5);
    const auto x = oracle::random_vector(3 * 2 * extent, 6);
    std::filesystem::remove(path("data.h5"));
    io::DataFile file(path("data.h5").string());
    file.write_dense("/G", std::vector<core::Index>{extent, extent}, g.values);
    file.write_dense("/B", std::vector<core::Index>{2, 2}, b.values);
    file.write_dense("/x", std::vector<core::Index>{3, extent, 2}, x);
    file.commit();
    const auto outcome = run(
        extent == 45 ? 3 : 2,
        "task: apply\nparameters: {a: 1.5}\nmatrices:\n  G: {file: data.h5, dataset: /G}\n"
        "  B: {file: data.h5, dataset: /B}\noperator: \"a*kron(inv(G), B) + kron(I, inv(a*B))\"\n"
        "input: {file: data.h5, dataset: /x}\ngradient: {cotangent: result, parameters: [a], "
        "input: true}\n"
        "tangent: {parameters: {a: 1}}\noutput: {file: results/out.h5, overwrite: true}\n");
    const Result result(path("results/out.h5"));
    EXPECT_EQ(outcome.code, extent == 45 ? 0 : 3) << outcome.errors;
    EXPECT_EQ(result.number("/report", "converged"), extent == 45 ? 1 : 0);
    EXPECT_EQ(outcome.count("the true relative residual of right-hand side"), extent == 45 ? 0 : 1)
        << outcome.errors;
    if (extent != 45) continue;
    EXPECT_GE(result.number("/report", "refinement_steps"), 1);
    for (const char* name : {"relative", "adjoint", "derivative"}) {
      EXPECT_LT(result.number("/report", std::string(name) + "_residual"), 1e-10) << name;
    }
    // G ⊗ B times the result, which needs no inverse of G.
    const auto y = result.values("/result");
    const Matrix gb = oracle::kron(g, b), i = oracle::identity(extent);
    const Matrix right = oracle::add(1.5, oracle::kron(i, oracle::multiply(b, b)), 1 / 1.5,
                                     oracle::kron(g, oracle::identity(2)));
    for (std::size_t v = 0; v < 3; ++v) {
      const auto size = static_cast<std::ptrdiff_t>(2 * extent),
                 first = static_cast<std::ptrdiff_t>(v) * size;
      const std::vector<double> one(y.begin() + first, y.begin() + first + size);
      const std::vector<double> of(x.begin() + first, x.begin() + first + size);
      EXPECT_LT(oracle::relative_error(oracle::multiply(gb, one), oracle::multiply(right, of)),
                1e-9);
    }
  }
}

/// A sum of factors is formed, with inv(G) in it: nothing judges its solves later.
TEST_F(Judge, AnInverseWithinAFactorThatIsFormedIsRefinedOrRefused) {
  for (const std::int64_t extent : {45, 90}) {
    const Matrix g = oracle::growing_matrix(extent), b = oracle::random_regular(2, 5);
    const auto x = oracle::random_vector(2 * extent, 6);
    std::filesystem::remove(path("data.h5"));
    io::DataFile file(path("data.h5").string());
    file.write_dense("/G", std::vector<core::Index>{extent, extent}, g.values);
    file.write_dense("/B", std::vector<core::Index>{2, 2}, b.values);
    file.write_dense("/x", std::vector<core::Index>{extent, 2}, x);
    file.commit();
    const auto outcome =
        run(2,
            "task: apply\nmatrices:\n  G: {file: data.h5, dataset: /G}\n"
            "  B: {file: data.h5, dataset: /B}\noperator: \"kron(2*G + inv(G), B)\"\n"
            "input: {file: data.h5, dataset: /x}\n"
            "output: {file: results/out.h5, overwrite: true}\n");
    if (extent == 90) {
      EXPECT_EQ(outcome.code, 3) << outcome.output << outcome.errors;
      EXPECT_EQ(outcome.count("the inverse of 'G' (90 x 90)"), 1) << outcome.errors;
      continue;
    }
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    // G ⊗ I times the result, which needs no inverse of G.
    const Matrix left = oracle::kron(g, oracle::identity(2));
    const Matrix squares = oracle::add(2, oracle::multiply(g, g), 1, oracle::identity(extent));
    EXPECT_LT(oracle::relative_error(
                  oracle::multiply(left, Result(path("results/out.h5")).values("/result")),
                  oracle::multiply(oracle::kron(squares, b), x)),
              1e-12);
  }
}

}  // namespace
}  // namespace kronwerk::end_to_end
