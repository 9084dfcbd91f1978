// Log determinants of operators without a structure: exact by a factorisation of the whole matrix,
// estimated by Lanczos quadratures with their errors.
#include <cmath>

#include "end_to_end/program.hpp"

namespace kronwerk::end_to_end {
namespace {

using oracle::Matrix;

class LogDeterminants : public ProgramTest {
 protected:
  /// A, C of extent 5, B, D of extent 4 and v over the grid.
  void write_data(double shift) {
    a_ = oracle::add(1, oracle::random_matrix(5, 5, 1), shift, oracle::identity(5));
    b_ = oracle::add(1, oracle::random_matrix(4, 4, 2), shift, oracle::identity(4));
    c_ = oracle::random_matrix(5, 5, 3);
    d_ = oracle::random_matrix(4, 4, 4);
    v_ = oracle::random_vector(20, 5);
    io::DataFile file(path("data.h5").string(), true);
    const auto write = [&](const char* name, const Matrix& matrix) {
      file.write_dense(name, std::vector<core::Index>{matrix.rows, matrix.cols}, matrix.values);
    };
    write("/A", a_);
    write("/B", b_);
    write("/C", c_);
    write("/D", d_);
    file.write_dense("/v", std::vector<core::Index>{20}, v_);
    file.commit();
  }

  Matrix dense(double s, double t) const {
    Matrix result = oracle::add(s, oracle::kron(a_, b_), t, oracle::kron(c_, d_));
    for (std::int64_t i = 0; i < 20; ++i) result(i, i) += v_[static_cast<std::size_t>(i)];
    return result;
  }

  /// tr(A⁻¹ B): ∂ log|det A| along B.
  static double trace_of_quotient(const Matrix& a, const Matrix& b) {
    const Matrix quotient = oracle::solve(a, b);
    double sum = 0;
    for (std::int64_t i = 0; i < quotient.rows; ++i) sum += quotient(i, i);
    return sum;
  }

  static std::string job(double s, double t, const std::string& more) {
    return fmt::format(
        "task: logdet\nparameters: {{s: {}, t: {}}}\n"
        "operator: \"s*kron(A, B) + t*kron(C, D) + diag(v)\"\nmatrices:\n"
        "  A: {{file: data.h5, dataset: /A}}\n  B: {{file: data.h5, dataset: /B}}\n"
        "  C: {{file: data.h5, dataset: /C}}\n  D: {{file: data.h5, dataset: /D}}\n"
        "  v: {{file: data.h5, dataset: /v}}\n{}"
        "output: {{file: results/out.h5, overwrite: true}}\n",
        s, t, more);
  }

  Matrix a_, b_, c_, d_;
  std::vector<double> v_;
};

TEST_F(LogDeterminants, AreExactWithSignAndGradientWhereTheMatrixIsSmall) {
  int negative = 0;
  for (int np = 1; np <= 4; ++np) {
    const double s = np % 2 == 0 ? 0.7 : -0.9, t = 0.7 + 0.3 * np;
    write_data(np > 2 ? 2 : 0);
    const auto outcome =
        run(np, job(s, t, "gradient: {parameters: [s, t]}\ntangent: {parameters: {s: 2}}\n"));
    ASSERT_EQ(outcome.code, 0) << outcome.output << outcome.errors;
    const Result result(path("results/out.h5"));
    EXPECT_NEAR(result.value("/result"), oracle::log_abs_det(dense(s, t)), 1e-9);
    EXPECT_EQ(result.value("/sign"), oracle::sign_of_det(dense(s, t)));
    negative += result.value("/sign") < 0 ? 1 : 0;
    EXPECT_FALSE(result.has("/standard_error"));
    const double by_s = trace_of_quotient(dense(s, t), oracle::kron(a_, b_));
    const double by_t = trace_of_quotient(dense(s, t), oracle::kron(c_, d_));
    EXPECT_NEAR(result.value("/gradient/s"), by_s, 1e-10 * (1 + std::abs(by_s)));
    EXPECT_NEAR(result.value("/gradient/t"), by_t, 1e-10 * (1 + std::abs(by_t)));
    EXPECT_NEAR(result.value("/tangent"), 2 * by_s, 2e-10 * (1 + std::abs(by_s)));
    EXPECT_NE(result.text("/report", "method").find("of the whole matrix"), std::string::npos)
        << result.text("/report", "method");
    EXPECT_GE(result.number("/report", "condition"), 1);
    EXPECT_LT(result.number("/report", "error_estimate"), 1e-9);
  }
  EXPECT_GT(negative, 0);
}

TEST_F(LogDeterminants, OfAnIllConditionedMatrixAreNotRefused) {
  // Condition about 1e8, of which the square is beyond double precision.
  io::DataFile file(path("data.h5").string(), true);
  file.write_dense("/a", std::vector<core::Index>{2, 2}, std::vector<double>{1, 1, 1, 1});
  file.write_dense("/b", std::vector<core::Index>{2, 2}, std::vector<double>{1, 0.5, 0.25, 1});
  file.write_dense("/c", std::vector<core::Index>{2, 2}, std::vector<double>{0, 1, -1, 1});
  file.commit();
  const auto matrix = [](double e) {
    const Matrix a(2, 2, {1, 1, 1, 1}), b(2, 2, {1, 0.5, 0.25, 1}), c(2, 2, {0, 1, -1, 1});
    return oracle::add(1, oracle::kron(a, b), e, oracle::kron(c, b));
  };
  for (const std::string method : {"auto", "krylov"}) {
    const auto outcome =
        run(2,
            "task: logdet\nparameters: {e: 1.0e-8}\nmatrices:\n"
            "  a: {file: data.h5, dataset: /a}\n  b: {file: data.h5, dataset: /b}\n"
            "  c: {file: data.h5, dataset: /c}\n"
            "operator: \"kron(a, b) + e*kron(c, b)\"\nsolver: {probes: 200, method: " +
                method + "}\noutput: {file: results/out.h5, overwrite: true}\n");
    ASSERT_EQ(outcome.code, 0) << outcome.output << outcome.errors;
    const Result result(path("results/out.h5"));
    const double error =
        method == "krylov" ? 4 * result.value("/standard_error") + result.value("/quadrature_error")
                           : 1e-6;
    EXPECT_NEAR(result.value("/result"), oracle::log_abs_det(matrix(1e-8)), error) << method;
  }
}

TEST_F(LogDeterminants, ThatHaveNotSettledAreNoResults) {
  write_data(2);
  const std::string solver = "solver: {method: krylov, max_iterations: 4, probes: 10}\n";
  const auto outcome = run(3, job(0.7, 0.6, solver));
  EXPECT_EQ(outcome.code, 3) << outcome.output << outcome.errors;
  EXPECT_EQ(outcome.count("kronwerk: the Lanczos quadrature of the log determinant has not settled "
                          "after 4 steps"),
            1)
      << outcome.errors;
  {
    const Result result(path("results/out.h5"));
    EXPECT_EQ(result.number("/report", "converged"), 0);
    EXPECT_GT(result.value("/quadrature_error"), 0);
    EXPECT_NEAR(result.value("/result"), oracle::log_abs_det(dense(0.7, 0.6)),
                4 * result.value("/standard_error") + 2 * result.value("/quadrature_error"));
  }
  const auto enough = run(2, job(0.7, 0.6,
                                 "solver: {method: krylov, probes: 10}\n"
                                 "gradient: {parameters: [s]}\ntangent: {parameters: {s: -2}}\n"));
  EXPECT_EQ(enough.code, 0) << enough.errors;
  const Result result(path("results/out.h5"));
  EXPECT_EQ(result.number("/report", "converged"), 1);
  EXPECT_LT(result.value("/quadrature_error"), 1e-5);
  EXPECT_LE(result.number("/report", "iterations"), 20);
  EXPECT_NEAR(result.value("/result"), oracle::log_abs_det(dense(0.7, 0.6)),
              4 * result.value("/standard_error") + result.value("/quadrature_error"));
  const double error = result.value("/gradient_standard_error/s");
  const double bias = result.value("/gradient_bias_bound/s");
  EXPECT_GT(error, 0);
  EXPECT_GT(bias, 0);
  EXPECT_LT(bias, 1e-6);
  EXPECT_NEAR(result.value("/gradient/s"), trace_of_quotient(dense(0.7, 0.6), oracle::kron(a_, b_)),
              5 * error + bias);
  EXPECT_NEAR(result.value("/tangent"), -2 * result.value("/gradient/s"), 1e-9);
  EXPECT_NEAR(result.value("/tangent_standard_error"), 2 * error, 1e-9);
  EXPECT_NEAR(result.value("/tangent_bias_bound"), 2 * bias, 1e-12);
}

TEST_F(LogDeterminants, OfSingularMatricesAreRefusedOnEveryRank) {
  write_data(0);
  for (double& value : v_) value = 0;
  io::DataFile file(path("data.h5").string(), true);
  for (const std::string name : {"/A", "/C"}) {
    file.write_dense(name, std::vector<core::Index>{5, 5}, std::vector<double>(25, 1.0));
  }
  for (const std::string name : {"/B", "/D"}) {
    file.write_dense(name, std::vector<core::Index>{4, 4}, std::vector<double>(16, 1.0));
  }
  file.write_dense("/v", std::vector<core::Index>{20}, v_);
  file.commit();
  const auto outcome = run(3, job(0.7, 0.6, ""));
  EXPECT_EQ(outcome.code, 2) << outcome.output << outcome.errors;
  EXPECT_EQ(outcome.count("singular to working precision"), 1) << outcome.errors;
  EXPECT_TRUE(is_clean());
}

}  // namespace
}  // namespace kronwerk::end_to_end
