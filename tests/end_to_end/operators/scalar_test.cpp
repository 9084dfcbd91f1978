// trace, diagonal, eigenvalues and expm, against dense matrices.
#include <algorithm>
#include <cmath>
#include <complex>

#include "end_to_end/program.hpp"

namespace kronwerk::end_to_end {
namespace {

using oracle::Matrix;
using Complex = std::complex<double>;

class ScalarTasks : public ProgramTest {
 protected:
  void SetUp() override {
    ProgramTest::SetUp();
    matrices_["A"] = oracle::random_matrix(3, 3, 1);
    matrices_["B"] = oracle::random_regular(5, 2);
    matrices_["U"] = oracle::random_matrix(1, 1, 3);
    matrices_["R"] = oracle::random_matrix(2, 3, 4);
    matrices_["S"] = oracle::random_matrix(5, 5, 5);
    matrices_["S"] = oracle::add(1, matrices_["S"], 1, oracle::transpose(matrices_["S"]));
    grid_ = oracle::random_vector(15, 9);
    x_ = oracle::random_vector(30, 10);
    io::DataFile file(path("data.h5").string(), true);
    for (const auto& [name, matrix] : matrices_) {
      file.write_dense("/" + name, std::vector<core::Index>{matrix.rows, matrix.cols},
                       matrix.values);
    }
    file.write_dense("/g", std::vector<core::Index>{3, 5}, grid_);
    file.write_dense("/x", std::vector<core::Index>{2, 3, 5}, x_);
    file.write_dense("/three", std::vector<core::Index>{1}, std::vector<double>{3});
    file.commit();
  }

  Outcome run_task(int np, const std::string& task, const std::string& formula,
                   const std::string& more = "") const {
    std::string text = fmt::format("task: {}\noperator: \"{}\"\nmatrices:\n", task, formula);
    for (const std::string name : {"A", "B", "U", "R", "S", "g"}) {
      if (formula.find(name) == std::string::npos) continue;
      text += fmt::format("  {0}: {{file: data.h5, dataset: /{0}}}\n", name);
    }
    if (formula.find("rho") != std::string::npos) text += "parameters: {rho: 0.4}\n";
    if (task == "expm") text += "input: {file: data.h5, dataset: /x}\n";
    return run(np, text + more + "output: {file: results/out.h5, overwrite: true}\n");
  }

  Result result() const { return Result(path("results/out.h5")); }
  const Matrix& matrix(const std::string& name) const { return matrices_.at(name); }

  static std::vector<double> diagonal_of(const Matrix& matrix) {
    std::vector<double> diagonal;
    for (std::int64_t i = 0; i < matrix.rows; ++i) diagonal.push_back(matrix(i, i));
    return diagonal;
  }
  static double trace_of(const Matrix& matrix) {
    double trace = 0;
    for (const double value : diagonal_of(matrix)) trace += value;
    return trace;
  }
  Matrix grid_matrix() const {
    Matrix matrix(15, 15);
    for (std::int64_t i = 0; i < 15; ++i) matrix(i, i) = grid_[static_cast<std::size_t>(i)];
    return matrix;
  }

  /// The operators of the tests at one value of rho, by their formulas.
  std::vector<std::pair<std::string, Matrix>> operators(double rho) const {
    const Matrix& a = matrix("A");
    const Matrix& b = matrix("B");
    const Matrix one3 = oracle::identity(3);
    const Matrix one5 = oracle::identity(5);
    const Matrix ab = oracle::kron(a, b);
    const Matrix sum = oracle::add(1, oracle::kron(a, one5), 1, oracle::kron(one3, b));
    const Matrix shifted = oracle::add(1, one3, -rho, a);
    return {
        {"kron(I - rho*A, inv(B))", oracle::kron(shifted, oracle::inverse(b))},
        {"kronsum(A, B) + rho^2*kron(I, I)", oracle::add(1, sum, rho * rho, oracle::identity(15))},
        {"kron(A*A', B) - rho*kron(A, B*S)",
         oracle::add(1, oracle::kron(oracle::multiply(a, oracle::transpose(a)), b), -rho,
                     oracle::kron(a, oracle::multiply(b, matrix("S"))))},
        {"rho*diag(g)*kron(A, B) + kron(A, B)",
         oracle::add(rho, oracle::multiply(grid_matrix(), ab), 1, ab)},
        {"kron(U, A, R'*R)",
         oracle::kron(
             {matrix("U"), a, oracle::multiply(oracle::transpose(matrix("R")), matrix("R"))})},
    };
  }

  std::map<std::string, Matrix> matrices_;
  std::vector<double> grid_;
  std::vector<double> x_;
};

TEST_F(ScalarTasks, TheTraceAndItsGradientAreThoseOfTheDenseMatrix) {
  const auto now = operators(0.4);
  const auto above = operators(0.4 + 1e-6);
  const auto below = operators(0.4 - 1e-6);
  for (std::size_t i = 0; i < now.size(); ++i) {
    SCOPED_TRACE(now[i].first);
    const bool depends = now[i].first.find("rho") != std::string::npos;
    const Outcome outcome =
        run_task(static_cast<int>(i % 4) + 1, "trace", now[i].first,
                 depends ? "gradient: {cotangent: {file: data.h5, dataset: /three}, "
                           "parameters: [rho]}\ntangent: {parameters: {rho: -2}}\n"
                         : "");
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    EXPECT_NEAR(result().value("/result"), trace_of(now[i].second), 1e-12);
    if (!depends) continue;
    const double slope = (trace_of(above[i].second) - trace_of(below[i].second)) / 2e-6;
    EXPECT_NEAR(result().value("/gradient/rho"), 3 * slope, 1e-7);
    EXPECT_NEAR(result().value("/tangent"), -2 * slope, 1e-7);
  }
}

TEST_F(ScalarTasks, ATraceGoesRoundWithADiagonalBetweenProducts) {
  const Matrix ab = oracle::kron(matrix("A"), matrix("B"));
  const Matrix as = oracle::kron(matrix("A"), matrix("S"));
  const Outcome outcome = run_task(2, "trace", "kron(A, B)*diag(g)*kron(A, S)");
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_NEAR(result().value("/result"),
              trace_of(oracle::multiply(ab, oracle::multiply(grid_matrix(), as))), 1e-11);
  const Outcome refused = run_task(2, "diagonal", "kron(A, B)*diag(g)*kron(A, S)");
  EXPECT_EQ(refused.code, 2);
  EXPECT_EQ(refused.count("has no method for 'kron(A, B)*diag(g)*kron(A, S)'"), 1)
      << refused.errors;
}

TEST_F(ScalarTasks, TheDiagonalAndItsGradientAreThoseOfTheDenseMatrix) {
  const auto now = operators(0.4);
  const auto above = operators(0.4 + 1e-6);
  const auto below = operators(0.4 - 1e-6);
  for (std::size_t i = 0; i < now.size(); ++i) {
    SCOPED_TRACE(now[i].first);
    const bool depends = now[i].first.find("rho") != std::string::npos;
    const std::string cotangent = i % 2 == 0 ? "{file: data.h5, dataset: /g}" : "result";
    const Outcome outcome =
        run_task(static_cast<int>(i % 4) + 1, "diagonal", now[i].first,
                 depends ? "gradient: {cotangent: " + cotangent +
                               ", parameters: [rho]}\ntangent: {parameters: {rho: -2}}\n"
                         : "");
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    const auto expected = diagonal_of(now[i].second);
    EXPECT_LT(oracle::relative_error(result().values("/result"), expected), 1e-13);
    EXPECT_EQ(result().shape("/result"),
              (depends ? std::vector<std::int64_t>{3, 5} : std::vector<std::int64_t>{1, 3, 3}));
    if (!depends) continue;
    std::vector<double> slope = diagonal_of(above[i].second);
    const std::vector<double> lower = diagonal_of(below[i].second);
    for (std::size_t j = 0; j < slope.size(); ++j) slope[j] = (slope[j] - lower[j]) / 2e-6;
    EXPECT_NEAR(result().value("/gradient/rho"), dot(i % 2 == 0 ? grid_ : expected, slope), 1e-7);
    const std::vector<double> tangent = result().values("/tangent");
    for (std::size_t j = 0; j < slope.size(); ++j) EXPECT_NEAR(tangent[j], -2 * slope[j], 1e-7);
  }
}

/// The complex numbers of a compound of r and i.
std::vector<Complex> complex_values(const std::filesystem::path& file) {
  const hid_t handle = H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  const hid_t dataset = H5Dopen2(handle, "/result", H5P_DEFAULT);
  const hid_t space = H5Dget_space(dataset);
  std::vector<Complex> values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)));
  const hid_t type = H5Tcreate(H5T_COMPOUND, sizeof(Complex));
  H5Tinsert(type, "r", 0, H5T_NATIVE_DOUBLE);
  H5Tinsert(type, "i", sizeof(double), H5T_NATIVE_DOUBLE);
  EXPECT_GE(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
  H5Tclose(type);
  H5Sclose(space);
  H5Dclose(dataset);
  H5Fclose(handle);
  return values;
}

/// Two operators have the same eigenvalues if the traces of their powers agree.
void expect_spectrum(const std::vector<Complex>& eigenvalues, const Matrix& dense) {
  ASSERT_EQ(std::ssize(eigenvalues), dense.rows);
  Matrix power = oracle::identity(dense.rows);
  double size = 0;
  for (const Complex& value : eigenvalues) size = std::max(size, std::abs(value));
  for (int k = 1; k <= 8; ++k) {
    power = oracle::multiply(power, dense);
    Complex sum = 0;
    double trace = 0;
    for (const Complex& value : eigenvalues) sum += std::pow(value, k);
    for (std::int64_t i = 0; i < dense.rows; ++i) trace += power(i, i);
    const double scale = static_cast<double>(dense.rows) * std::pow(size, k);
    EXPECT_NEAR(sum.real(), trace, 1e-12 * scale) << "power " << k;
    EXPECT_NEAR(sum.imag(), 0, 1e-12 * scale) << "power " << k;
  }
}

TEST_F(ScalarTasks, EigenvaluesAreThoseOfTheDenseMatrix) {
  const Matrix one3 = oracle::identity(3);
  const Matrix one5 = oracle::identity(5);
  const Matrix a_5 = oracle::kron(matrix("A"), one5);
  const Matrix s_3 = oracle::kron(one3, matrix("S"));
  const Matrix as = oracle::kron(matrix("A"), matrix("S"));
  const Matrix sum = oracle::add(1, a_5, 1, s_3);
  const std::vector<std::pair<std::string, Matrix>> cases{
      {"kron(A, S)", as},
      {"kronsum(A, S) - rho*kron(I, I)", oracle::add(1, sum, -0.4, oracle::identity(15))},
      {"kronsum(A, B)", oracle::add(1, a_5, 1, oracle::kron(one3, matrix("B")))},
      {"kron(I, I) - rho*kron(A, I) - 0.2*kron(I, S) - 0.3*kron(A, S)",
       oracle::add(1, oracle::add(1, oracle::identity(15), -0.4, a_5), -1,
                   oracle::add(0.2, s_3, 0.3, as))},
      {"kron(A, R'*R, U)",
       oracle::kron({matrix("A"), oracle::multiply(oracle::transpose(matrix("R")), matrix("R")),
                     matrix("U")})},
  };
  int np = 0;
  for (const auto& [formula, dense] : cases) {
    SCOPED_TRACE(formula);
    np = np % 4 + 1;
    const Outcome outcome = run_task(np, "eigenvalues", formula);
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    expect_spectrum(complex_values(path("results/out.h5")), dense);
    const bool two_modes = formula.find('U') == std::string::npos;
    EXPECT_EQ(result().shape("/result"),
              (two_modes ? std::vector<std::int64_t>{3, 5} : std::vector<std::int64_t>{3, 3, 1}));
  }
  const Outcome refused = run_task(2, "eigenvalues", "kron(A, B) + kron(I, S) + kron(A', I)");
  EXPECT_EQ(refused.code, 2);
  EXPECT_EQ(refused.count("neither functions of one matrix nor two matrices only"), 1)
      << refused.errors;
  EXPECT_EQ(run_task(1, "eigenvalues", "kron(R, A)").code, 2);
  // In the common basis of two matrices the operator is diagonal, but not with its eigenvalues.
  const Outcome pair = run_task(1, "eigenvalues", "kron(A, S) + kron(A, B)*kron(A, I)");
  EXPECT_EQ(pair.code, 2);
  EXPECT_EQ(pair.count("mode 2 has two matrices, 'S' and 'B'"), 1) << pair.errors;
}

/// exp(M) by its series after scaling.
Matrix exponential(Matrix matrix) {
  constexpr int halvings = 12;
  for (double& value : matrix.values) value /= 1 << halvings;
  Matrix result = oracle::identity(matrix.rows);
  Matrix power = result;
  for (int k = 1; k < 12; ++k) {
    power = oracle::multiply(power, matrix);
    for (double& value : power.values) value /= k;
    result = oracle::add(1, result, 1, power);
  }
  for (int i = 0; i < halvings; ++i) result = oracle::multiply(result, result);
  return result;
}

TEST_F(ScalarTasks, ExpmIsTheActionOfTheDenseExponential) {
  const Matrix sum = oracle::add(1, oracle::kron(matrix("A"), oracle::identity(5)), 1,
                                 oracle::kron(oracle::identity(3), matrix("S")));
  const std::vector<std::tuple<std::string, double, Matrix>> cases{
      {"kronsum(A, S)", 1, sum},
      {"kronsum(A, S) - rho*kron(I, I)", 0.7, oracle::add(0.7, sum, -0.28, oracle::identity(15))},
      {"2*kron(A, I) - kron(I, S*S')", -0.3,
       oracle::add(-0.6, oracle::kron(matrix("A"), oracle::identity(5)), 0.3,
                   oracle::kron(oracle::identity(3),
                                oracle::multiply(matrix("S"), oracle::transpose(matrix("S")))))},
  };
  int np = 1;
  for (const auto& [formula, time, exponent] : cases) {
    SCOPED_TRACE(formula);
    np = np % 4 + 1;
    const Outcome outcome =
        run_task(np, "expm", formula, time == 1 ? "" : fmt::format("time: {}\n", time));
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    const Matrix dense = exponential(exponent);
    std::vector<double> expected;
    for (int v = 0; v < 2; ++v) {
      const auto y = oracle::multiply(
          dense, std::vector<double>(x_.begin() + 15 * v, x_.begin() + 15 * (v + 1)));
      expected.insert(expected.end(), y.begin(), y.end());
    }
    EXPECT_LT(oracle::relative_error(result().values("/result"), expected), 1e-11);
    EXPECT_EQ(result().shape("/result"), (std::vector<std::int64_t>{2, 3, 5}));
  }
  const Outcome refused = run_task(3, "expm", "kron(A, S) + kron(I, I)");
  EXPECT_EQ(refused.code, 2);
  EXPECT_EQ(refused.count("the task 'expm' takes a Kronecker sum"), 1) << refused.errors;
  EXPECT_NE(run_task(1, "expm", "kronsum(A, S)", "time: soon\n").code, 0);
}

}  // namespace
}  // namespace kronwerk::end_to_end
