// apply, logdet and assemble for one, two and three modes.
#include <cmath>

#include "end_to_end/program.hpp"

namespace kronwerk::end_to_end {
namespace {

using oracle::Matrix;

class Operators : public ProgramTest {
 protected:
  Operators() {
    factors_["A"] = oracle::random_matrix(2, 3, 1);
    factors_["B"] = oracle::random_matrix(5, 4, 2);
    factors_["C"] = oracle::random_matrix(1, 2, 3);
    factors_["S"] = oracle::random_regular(5, 4);
    factors_["T"] = oracle::random_regular(3, 5);
    factors_["U"] = oracle::random_regular(1, 6);
  }

  void write_data(const std::vector<core::Index>& shape) {
    io::DataFile file(path("data.h5").string(), true);
    for (const auto& [name, matrix] : factors_) {
      file.write_dense("/" + name, std::vector<core::Index>{matrix.rows, matrix.cols},
                       matrix.values);
    }
    core::Index size = 1;
    for (const core::Index extent : shape) size *= extent;
    values_ = oracle::random_vector(size, 7);
    file.write_dense("/x", shape, values_);
    file.write_dense("/v", std::vector<core::Index>{3}, std::vector<double>{2, -1, 4});
    file.commit();
  }

  std::string job(const std::string& task, const std::string& formula,
                  const std::string& more = "") const {
    std::string text = fmt::format("task: {}\noperator: \"{}\"\nmatrices:\n", task, formula);
    for (const std::string name : {"A", "B", "C", "S", "T", "U", "v"}) {
      if (formula.find(name) == std::string::npos) continue;
      text += fmt::format("  {0}: {{file: data.h5, dataset: /{0}}}\n", name);
    }
    if (task == "apply" || task == "solve") text += "input: {file: data.h5, dataset: /x}\n";
    return text + more + "output: {file: results/out.h5, overwrite: true}\n";
  }

  void expect_result(const Matrix& dense, std::int64_t vectors) const {
    const std::vector<double> result = Result(path("results/out.h5")).values("/result");
    ASSERT_EQ(std::ssize(result), vectors * dense.rows);
    for (std::int64_t v = 0; v < vectors; ++v) {
      const std::vector<double> x(values_.begin() + v * dense.cols,
                                  values_.begin() + (v + 1) * dense.cols);
      const std::vector<double> y(result.begin() + v * dense.rows,
                                  result.begin() + (v + 1) * dense.rows);
      EXPECT_LT(oracle::relative_error(y, oracle::multiply(dense, x)), 1e-13);
    }
  }

  const Matrix& matrix(const std::string& name) const { return factors_.at(name); }

  std::map<std::string, Matrix> factors_;
  std::vector<double> values_;
};

TEST_F(Operators, ApplyRectangularProductsOfOneToThreeModes) {
  const Matrix abc = oracle::kron({matrix("A"), matrix("B"), matrix("C")});
  struct Case {
    std::string formula;
    Matrix dense;
    std::vector<core::Index> shape;
    std::vector<std::int64_t> result_shape;
    std::int64_t vectors;
  };
  const std::vector<Case> cases{
      {"B", matrix("B"), {4}, {5}, 1},
      {"B'", oracle::transpose(matrix("B")), {6, 5}, {6, 4}, 6},
      {"2*kron(A, B)",
       oracle::add(2, oracle::kron(matrix("A"), matrix("B")), 0,
                   oracle::kron(matrix("A"), matrix("B"))),
       {3, 4},
       {2, 5},
       1},
      {"kron(A, B, C)", abc, {24}, {10}, 1},
      {"kron(A, B, C)", abc, {2, 3, 4, 2}, {2, 2, 5, 1}, 2},
      {"kron(A, B, C)'", oracle::transpose(abc), {3, 10}, {3, 24}, 3},
  };
  int np = 0;
  for (const Case& item : cases) {
    SCOPED_TRACE(item.formula);
    np = np % 4 + 1;
    write_data(item.shape);
    const Outcome outcome = run(np, job("apply", item.formula));
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    expect_result(item.dense, item.vectors);
    EXPECT_EQ(Result(path("results/out.h5")).shape("/result"), item.result_shape);
  }
}

TEST_F(Operators, ApplySumsOfProductsWithGradients) {
  write_data({5, 3});
  const Outcome outcome = run(
      3, job("apply", "kron(S, diag(v)) - r^2*kron(S*S, I)",
             "parameters: {r: 0.5}\ngradient: {cotangent: ones, parameters: [r], input: true}\n"));
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  Matrix diagonal(3, 3);
  diagonal(0, 0) = 2;
  diagonal(1, 1) = -1;
  diagonal(2, 2) = 4;
  const Matrix squares =
      oracle::kron(oracle::multiply(matrix("S"), matrix("S")), oracle::identity(3));
  const Matrix dense = oracle::add(1, oracle::kron(matrix("S"), diagonal), -0.25, squares);
  expect_result(dense, 1);
  const Result result(path("results/out.h5"));
  const std::vector<double> ones(15, 1.0);
  EXPECT_LT(oracle::relative_error(result.values("/gradient/input"),
                                   oracle::multiply(oracle::transpose(dense), ones)),
            1e-13);
  EXPECT_NEAR(result.value("/gradient/r"), -dot(ones, oracle::multiply(squares, values_)), 1e-11);
}

TEST_F(Operators, SolveThreeModesAndExtentsOfOne) {
  write_data({1, 5, 3, 1});
  const Matrix dense = oracle::kron({matrix("U"), matrix("S"), matrix("T"), matrix("U")});
  for (const int np : {1, 3}) {
    const Outcome outcome = run(np, job("solve", "kron(U, S, T', U)"));
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    const Matrix op =
        oracle::kron({matrix("U"), matrix("S"), oracle::transpose(matrix("T")), matrix("U")});
    EXPECT_LT(oracle::relative_error(Result(path("results/out.h5")).values("/result"),
                                     oracle::solve(op, values_)),
              1e-12);
  }
  EXPECT_EQ(dense.rows, 15);
}

TEST_F(Operators, SolveWithProductsThatAreSquareThoughTheirFactorsAreNot) {
  write_data({2, 5});
  const Matrix narrow =
      oracle::multiply(matrix("A"), oracle::multiply(matrix("T"), oracle::transpose(matrix("A"))));
  const Matrix op = oracle::kron({narrow, matrix("S")});
  for (const std::string formula : {"kron(A, S)*kron(T*A', I)", "kron(A*T*A', S)"}) {
    for (const int np : {1, 2}) {
      const Outcome outcome = run(np, job("solve", formula));
      ASSERT_EQ(outcome.code, 0) << formula << outcome.errors;
      EXPECT_LT(oracle::relative_error(Result(path("results/out.h5")).values("/result"),
                                       oracle::solve(op, values_)),
                1e-11)
          << formula;
    }
  }
}

TEST_F(Operators, TheGradientOfLogdetTakesProductsOfRectangularFactors) {
  write_data({2});
  const auto gram = [&](double s) {
    const Matrix middle = oracle::add(1, matrix("T"), s, oracle::identity(3));
    return oracle::multiply(matrix("A"), oracle::multiply(middle, oracle::transpose(matrix("A"))));
  };
  const Outcome outcome = run(
      2, job("logdet", "A*(T + s*I)*A'", "parameters: {s: 0.5}\ngradient: {parameters: [s]}\n"));
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  const double step = 1e-6;
  const double slope =
      (oracle::log_abs_det(gram(0.5 + step)) - oracle::log_abs_det(gram(0.5 - step))) / (2 * step);
  EXPECT_NEAR(Result(path("results/out.h5")).value("/gradient/s"), slope,
              1e-6 * (1 + std::abs(slope)));
}

TEST_F(Operators, LogdetHasTheSignAndGradients) {
  write_data({15});
  const auto shifted = [&](double s) {
    return oracle::kron(oracle::add(1, matrix("S"), s, oracle::identity(5)), matrix("T"));
  };
  const Outcome outcome = run(
      2,
      job("logdet", "kron(S + s*I, T)",
          "parameters: {s: 0.25}\ngradient: {parameters: [s]}\ntangent: {parameters: {s: 2}}\n"));
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  const Result result(path("results/out.h5"));
  EXPECT_NEAR(result.value("/result"), oracle::log_abs_det(shifted(0.25)), 1e-11);
  EXPECT_EQ(result.value("/sign"), oracle::sign_of_det(shifted(0.25)));
  const double difference =
      (oracle::log_abs_det(shifted(0.25 + 1e-5)) - oracle::log_abs_det(shifted(0.25 - 1e-5))) /
      2e-5;
  EXPECT_NEAR(result.value("/gradient/s"), difference, 1e-7 * std::abs(difference));
  EXPECT_NEAR(result.value("/tangent"), 2 * difference, 1e-7 * std::abs(difference));
}

TEST_F(Operators, LogdetOfAnOddExtentCanBeNegative) {
  factors_["S"] = oracle::identity(5);
  factors_["S"](2, 2) = -3;
  factors_["T"] = oracle::identity(3);
  write_data({15});
  ASSERT_EQ(run(1, job("logdet", "kron(S, T)")).code, 0);
  const Result result(path("results/out.h5"));
  EXPECT_NEAR(result.value("/result"), 3 * std::log(3), 1e-13);
  EXPECT_EQ(result.value("/sign"), -1);
}

TEST_F(Operators, AssembleWritesTheMatrixOfNumpyKron) {
  write_data({1});
  for (const int np : {1, 4}) {
    const Outcome outcome = run(np, job("assemble", "kron(A, B, C)", "batch: 3\n"));
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    const Result result(path("results/out.h5"));
    EXPECT_EQ(result.shape("/result"), (std::vector<std::int64_t>{10, 24}));
    EXPECT_LT(oracle::relative_error(result.values("/result"),
                                     oracle::kron({matrix("A"), matrix("B"), matrix("C")}).values),
              1e-14);
  }
}

TEST_F(Operators, RandomInputDoesNotDependOnTheRanks) {
  write_data({15});
  const std::string text =
      "task: apply\noperator: \"kron(S, T)\"\nmatrices:\n  S: {file: data.h5, dataset: /S}\n  T: "
      "{file: "
      "data.h5, dataset: /T}\ninput: {random: normal, seed: 5}\noutput: {file: results/out.h5, "
      "overwrite: true}\n";
  ASSERT_EQ(run(1, text).code, 0);
  const auto one = Result(path("results/out.h5")).values("/result");
  ASSERT_EQ(run(4, text).code, 0);
  const auto four = Result(path("results/out.h5")).values("/result");
  EXPECT_EQ(Result(path("results/out.h5")).shape("/result"), (std::vector<std::int64_t>{5, 3}));
  EXPECT_LT(oracle::relative_error(four, one), 1e-13);
}

}  // namespace
}  // namespace kronwerk::end_to_end
