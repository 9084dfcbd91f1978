// Sums of products: apply, solve and logdet by every method, with derivatives, against dense
// algebra.
#include <cmath>
#include <functional>

#include "end_to_end/program.hpp"

namespace kronwerk::end_to_end {
namespace {

using oracle::Matrix;

Matrix symmetric(std::int64_t n, std::uint64_t seed, double shift) {
  const Matrix a = oracle::random_matrix(n, n, seed);
  return oracle::add(1, oracle::add(0.5, a, 0.5, oracle::transpose(a)), shift, oracle::identity(n));
}

Matrix diagonal(const std::vector<double>& values) {
  Matrix result(std::ssize(values), std::ssize(values));
  for (std::int64_t i = 0; i < result.rows; ++i) {
    result(i, i) = values[static_cast<std::size_t>(i)];
  }
  return result;
}

Matrix sum(const std::vector<std::pair<double, Matrix>>& terms) {
  Matrix result(terms[0].second.rows, terms[0].second.cols);
  for (const auto& [c, matrix] : terms) result = oracle::add(1, result, c, matrix);
  return result;
}

Matrix eye(std::int64_t n) {
  return oracle::identity(n);
}

/// A formula in the parameters s and t with the matrix it stands for.
struct Case {
  std::string formula;
  std::function<Matrix(double s, double t)> dense;
  std::string method;  ///< what the report must say of a solve
  double tolerance = 1e-10;
};

class Sums : public ProgramTest {
 protected:
  Sums() {
    data_["D"] = weights("directed", 5);
    data_["R"] = weights("line", 4);  // symmetrisable, not symmetric
    data_["S"] = symmetric(4, 3, 4);
    data_["T"] = symmetric(5, 4, 4);
    data_["U"] = symmetric(3, 5, 4);
    data_["P"] = symmetric(4, 6, 5);
    data_["Q"] = symmetric(5, 7, 5);
    data_["X"] = oracle::add(1, oracle::random_matrix(4, 4, 8), 3, eye(4));
    data_["Y"] = oracle::add(1, oracle::random_matrix(5, 5, 9), 3, eye(5));
    data_["G"] = oracle::add(1, oracle::random_matrix(4, 5, 10), 0, Matrix(4, 5));
    for (double& value : data_["G"].values) value += 2;
  }

  const Matrix& at(const std::string& name) const { return data_.at(name); }

  std::vector<Case> cases() const {
    const Matrix &d = at("D"), &r = at("R"), &s4 = at("S"), &t5 = at("T"), &u = at("U"),
                 &p = at("P"), &q = at("Q"), &x = at("X"), &y = at("Y");
    const Matrix g = diagonal(at("G").values);
    const auto k = [](const Matrix& a, const Matrix& b) { return oracle::kron(a, b); };
    return {
        {"kron(I, I) - s*kron(I, D) - t*kron(D, I) - 0.2*kron(D, D)",
         [=](double s, double t) {
           return sum({{1, eye(25)}, {-s, k(eye(5), d)}, {-t, k(d, eye(5))}, {-0.2, k(d, d)}});
         },
         "direct"},
        {"kron(I, I) - s*kron(I, D) - t*kron(R, I) - 0.2*kron(R, D)",
         [=](double s, double t) {
           return sum({{1, eye(20)}, {-s, k(eye(4), d)}, {-t, k(r, eye(5))}, {-0.2, k(r, d)}});
         },
         "direct"},
        {"kronsum(S, s*T, t*U)",
         [=](double s, double t) {
           return sum({{1, oracle::kron({s4, eye(5), eye(3)})},
                       {s, oracle::kron({eye(4), t5, eye(3)})},
                       {t, oracle::kron({eye(4), eye(5), u})}});
         },
         "fast diagonalisation"},
        {"kronsum(S, D, t*D) + s*kron(I, I, I)",
         [=](double s, double t) {
           return sum({{1, oracle::kron({s4, eye(5), eye(5)})},
                       {1, oracle::kron({eye(4), d, eye(5)})},
                       {t, oracle::kron({eye(4), eye(5), d})},
                       {s, eye(100)}});
         },
         "direct"},
        {"s*kron(S, T) + t*kron(I, I)",
         [=](double s, double t) {
           return sum({{s, k(s4, t5)}, {t, eye(20)}});
         },
         "direct"},
        {"s*kron(S, T) + t*kron(P, Q)",
         [=](double s, double t) {
           return sum({{s, k(s4, t5)}, {t, k(p, q)}});
         },
         "direct"},
        {"s*kron(X, I) + t*kron(I, Y)",
         [=](double s, double t) {
           return sum({{s, k(x, eye(5))}, {t, k(eye(4), y)}});
         },
         "direct"},
        {"kron(X, Y) + s*kron(S, T) + t*kron(R, Q)",
         [=](double s, double t) {
           return sum({{1, k(x, y)}, {s, k(s4, t5)}, {t, k(r, q)}});
         },
         "krylov", 1e-7},
        {"4*kron(S, T) + s*kron(P, Q) + t*kron(I, T)",
         [=](double s, double t) {
           return sum({{4, k(s4, t5)}, {s, k(p, q)}, {t, k(eye(4), t5)}});
         },
         "direct"},
        {"s*kron(X, Y) + t*kron(R, D)",
         [=](double s, double t) {
           return sum({{s, k(x, y)}, {t, k(r, d)}});
         },
         "QZ decomposition"},
        {"s*kron(X, Y) + 2*kron(R, D) + t*kron(X, D)",
         [=](double s, double t) {
           return sum({{s, k(x, y)}, {2, k(r, d)}, {t, k(x, d)}});
         },
         "QZ decomposition"},
        {"s*kron(X, I) + t*kron(R, Y)",
         [=](double s, double t) {
           return sum({{s, k(x, eye(5))}, {t, k(r, y)}});
         },
         "QZ decomposition"},
        {"kron(X - s*R, Y) + t*kron(R, T)",
         [=](double s, double t) {
           return sum({{1, k(x, y)}, {-s, k(r, y)}, {t, k(r, t5)}});
         },
         "QZ decomposition"},
        {"4*kron(S, Y) + s*kron(P, D) + t*kron(P - S, D)",
         [=](double s, double t) {
           return sum({{4, k(s4, y)}, {s, k(p, d)}, {t, k(p, d)}, {-t, k(s4, d)}});
         },
         "generalised symmetric eigendecomposition"},
        {"kron(X', I) + s*kron(I, Y') + t*kron(I, I)",
         [=](double s, double t) {
           return sum({{1, k(oracle::transpose(x), eye(5))},
                       {s, k(eye(4), oracle::transpose(y))},
                       {t, eye(20)}});
         },
         "direct"},
        {"diag(G)*kron(X + s*I, Y)*diag(G)*kron(I, T + t*I)",
         [=](double s, double t) {
           const Matrix left = k(oracle::add(1, x, s, eye(4)), y);
           const Matrix right = k(eye(4), oracle::add(1, t5, t, eye(5)));
           return oracle::multiply(oracle::multiply(g, left), oracle::multiply(g, right));
         },
         "direct: the operator is one Kronecker product", 1e-9},
        {"s*kron(X, Y) + t*diag(G)",
         [=](double s, double t) {
           return sum({{s, k(x, y)}, {t, g}});
         },
         "krylov", 1e-7},
    };
  }

  void write_data(std::int64_t points, core::Index vectors) {
    io::DataFile file(path("data.h5").string(), true);
    for (const auto& [name, matrix] : data_) {
      if (name == "D" || name == "R") {
        file.write_sparse("/" + name, to_sparse(matrix));
      } else {
        file.write_dense("/" + name, std::vector<core::Index>{matrix.rows, matrix.cols},
                         matrix.values);
      }
    }
    values_ = oracle::random_vector(points * vectors, 7);
    cotangent_ = oracle::random_vector(points * vectors, 8);
    const std::vector<core::Index> shape{vectors, points};
    file.write_dense("/x", shape, values_);
    file.write_dense("/g", shape, cotangent_);
    file.commit();
  }

  std::string job(const std::string& task, const std::string& formula,
                  const std::string& more) const {
    std::string text = fmt::format("task: {}\noperator: \"{}\"\nparameters: {{s: {}, t: {}}}\n",
                                   task, formula, s_, t_);
    text += "matrices:\n";
    for (const auto& [name, matrix] : data_) {
      if (formula.find(name) == std::string::npos) continue;
      if (name == "I") continue;
      text += fmt::format("  {0}: {{file: data.h5, dataset: /{0}}}\n", name);
    }
    return text + more + "output: {file: results/out.h5, overwrite: true}\n";
  }

  /// d L / d parameter by central differences of a scalar of the dense matrix.
  double difference(const Case& item, const std::string& name,
                    const std::function<double(const Matrix&)>& scalar) const {
    const double step = 1e-5;
    const double ds = name == "s" ? step : 0, dt = name == "t" ? step : 0;
    return (scalar(item.dense(s_ + ds, t_ + dt)) - scalar(item.dense(s_ - ds, t_ - dt))) /
           (2 * step);
  }

  std::map<std::string, Matrix> data_;
  std::vector<double> values_, cotangent_;
  double s_ = 0.3, t_ = 0.4;
};

TEST_F(Sums, SolveByTheMethodOfTheirStructureWithGradients) {
  int np = 0;
  for (const Case& item : cases()) {
    np = np % 4 + 1;
    SCOPED_TRACE(fmt::format("{} on {} ranks", item.formula, np));
    const Matrix dense = item.dense(s_, t_);
    constexpr core::Index vectors = 2;
    write_data(dense.rows, vectors);
    const auto outcome = run(np, job("solve", item.formula,
                                     "input: {file: data.h5, dataset: /x}\n"
                                     "gradient: {cotangent: {file: data.h5, dataset: /g}, "
                                     "parameters: [s, t], input: true}\n"
                                     "solver: {tolerance: 1.0e-12}\n"));
    ASSERT_EQ(outcome.code, 0) << outcome.output << outcome.errors;
    const Result result(path("results/out.h5"));
    EXPECT_NE(result.text("/report", "method").find(item.method), std::string::npos)
        << result.text("/report", "method");
    const auto loss = [&](const Matrix& matrix) {
      const Matrix inverse = oracle::inverse(matrix);
      double value = 0;
      for (core::Index v = 0; v < vectors; ++v) {
        const std::span b(values_.data() + v * dense.rows, static_cast<std::size_t>(dense.rows));
        const std::span g(cotangent_.data() + v * dense.rows, static_cast<std::size_t>(dense.rows));
        const auto solution = oracle::multiply(inverse, b);
        for (std::size_t i = 0; i < g.size(); ++i) value += g[i] * solution[i];
      }
      return value;
    };
    const Matrix inverse = oracle::inverse(dense);
    const Matrix adjoint = oracle::transpose(inverse);
    const auto x = result.values("/result");
    const auto by_input = result.values("/gradient/input");
    for (core::Index v = 0; v < vectors; ++v) {
      const auto part = [&](const std::vector<double>& all) {
        return std::vector<double>(all.begin() + v * dense.rows,
                                   all.begin() + (v + 1) * dense.rows);
      };
      EXPECT_LT(oracle::relative_error(part(x), oracle::multiply(inverse, part(values_))),
                item.tolerance);
      EXPECT_LT(oracle::relative_error(part(by_input), oracle::multiply(adjoint, part(cotangent_))),
                item.tolerance);
    }
    for (const std::string name : {"s", "t"}) {
      const double expected = difference(item, name, loss);
      EXPECT_NEAR(result.value("/gradient/" + name), expected, 1e-6 * (1 + std::abs(expected)))
          << name;
    }
  }
}

TEST_F(Sums, KrylovGivesWhatTheDirectMethodGives) {
  int np = 0;
  for (const Case& item : cases()) {
    np = np % 4 + 1;
    SCOPED_TRACE(fmt::format("{} on {} ranks", item.formula, np));
    const Matrix dense = item.dense(s_, t_);
    write_data(dense.rows, 1);
    const auto outcome = run(np, job("solve", item.formula,
                                     "input: {file: data.h5, dataset: /x}\n"
                                     "solver: {method: krylov, tolerance: 1.0e-12}\n"));
    ASSERT_EQ(outcome.code, 0) << outcome.output << outcome.errors;
    const Result result(path("results/out.h5"));
    EXPECT_LT(oracle::relative_error(result.values("/result"), oracle::solve(dense, values_)),
              1e-8);
    EXPECT_EQ(result.number("/report", "converged"), 1);
    EXPECT_FALSE(result.values("/history").empty());
  }
}

TEST_F(Sums, LogDeterminantsAreExact) {
  int np = 0;
  for (const Case& item : cases()) {
    np = np % 4 + 1;
    SCOPED_TRACE(fmt::format("{} on {} ranks", item.formula, np));
    const Matrix dense = item.dense(s_, t_);
    write_data(dense.rows, 1);
    const auto outcome = run(np, job("logdet", item.formula, "gradient: {parameters: [s, t]}\n"));
    ASSERT_EQ(outcome.code, 0) << outcome.output << outcome.errors;
    const Result result(path("results/out.h5"));
    const double expected = oracle::log_abs_det(dense);
    EXPECT_NEAR(result.value("/result"), expected, 1e-9 * (1 + std::abs(expected)));
    EXPECT_EQ(result.value("/sign"), oracle::sign_of_det(dense));
    for (const std::string name : {"s", "t"}) {
      const double slope =
          difference(item, name, [](const Matrix& m) { return oracle::log_abs_det(m); });
      EXPECT_NEAR(result.value("/gradient/" + name), slope, 1e-6 * (1 + std::abs(slope)));
    }
  }
}

TEST_F(Sums, ApplyAllTermsTogether) {
  int np = 0;
  for (const Case& item : cases()) {
    np = np % 4 + 1;
    SCOPED_TRACE(fmt::format("{} on {} ranks", item.formula, np));
    const Matrix dense = item.dense(s_, t_);
    write_data(dense.rows, 1);
    const auto outcome = run(np, job("apply", item.formula,
                                     "input: {file: data.h5, dataset: /x}\n"
                                     "gradient: {cotangent: {file: data.h5, dataset: /g}, "
                                     "parameters: [s, t], input: true}\n"));
    ASSERT_EQ(outcome.code, 0) << outcome.output << outcome.errors;
    const Result result(path("results/out.h5"));
    EXPECT_LT(oracle::relative_error(result.values("/result"), oracle::multiply(dense, values_)),
              1e-13);
    EXPECT_LT(oracle::relative_error(result.values("/gradient/input"),
                                     oracle::multiply(oracle::transpose(dense), cotangent_)),
              1e-13);
    for (const std::string name : {"s", "t"}) {
      const double slope = difference(item, name, [&](const Matrix& m) {
        return dot(cotangent_, oracle::multiply(m, values_));
      });
      EXPECT_NEAR(result.value("/gradient/" + name), slope, 1e-7 * (1 + std::abs(slope)));
    }
  }
}

TEST_F(Sums, AreRefusedByDirectWhereNoDirectMethodExists) {
  write_data(20, 1);
  const auto outcome = run(2, job("solve", "s*kron(X, Y) + t*kron(S, T) + kron(P, Q)",
                                  "input: {file: data.h5, dataset: /x}\n"
                                  "solver: {method: direct}\n"));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.count("'solver.method: direct' has no method for this operator"), 1);
  EXPECT_EQ(outcome.count("Direct solves exist for"), 1);
  EXPECT_TRUE(is_clean());
}

TEST_F(Sums, WithASingularSpectrumAreRefusedWithTheOffendingPair) {
  write_data(20, 1);
  s_ = 0;
  io::DataFile file(path("pair.h5").string(), true);
  file.write_dense("/a", std::vector<core::Index>{2}, std::vector<double>{1, 2});
  file.write_dense("/b", std::vector<core::Index>{3}, std::vector<double>{-2, 5, 7});
  file.write_dense("/x", std::vector<core::Index>{6}, std::vector<double>(6, 1));
  file.commit();
  const auto outcome = run(2,
                           "task: solve\noperator: \"kronsum(diag(a), diag(b))\"\n"
                           "matrices:\n  a: {file: pair.h5, dataset: /a}\n"
                           "  b: {file: pair.h5, dataset: /b}\n"
                           "input: {file: pair.h5, dataset: /x}\noutput: results/out.h5\n");
  EXPECT_EQ(outcome.code, 2) << outcome.output << outcome.errors;
  EXPECT_EQ(outcome.count("singular"), 1) << outcome.errors;
  EXPECT_TRUE(is_clean());
}

TEST_F(Sums, OfGeneralPairsThatAreSingularAreRefusedWithTheGeneralisedEigenvalues) {
  io::DataFile file(path("data.h5").string(), true);
  const auto write = [&](const std::string& name, const Matrix& matrix) {
    file.write_dense(name, std::vector<core::Index>{matrix.rows, matrix.cols}, matrix.values);
  };
  write("/A", Matrix(2, 2, {1, 0.3, 0, 2}));
  write("/C", Matrix(2, 2, {1, 0.5, 0, 1}));
  write("/B", Matrix(2, 2, {1, 0.2, 0, 4}));
  write("/D", Matrix(2, 2, {3, 0.4, 0, -8}));
  file.write_dense("/x", std::vector<core::Index>{4}, std::vector<double>(4, 1));
  file.commit();
  for (const int np : {1, 2}) {
    std::string text = "task: solve\noperator: \"kron(A, B) + kron(C, D)\"\nmatrices:\n";
    for (const std::string name : {"A", "B", "C", "D"}) {
      text += fmt::format("  {0}: {{file: data.h5, dataset: /{0}}}\n", name);
    }
    const auto outcome =
        run(np, text + "input: {file: data.h5, dataset: /x}\noutput: results/out.h5\n");
    EXPECT_EQ(outcome.code, 2) << outcome.output << outcome.errors;
    EXPECT_EQ(outcome.count("generalised eigenvalue 2 of mode 1 (2) and generalised eigenvalue 2 "
                            "of mode 2 (-0.5)"),
              1)
        << outcome.errors;
    EXPECT_TRUE(is_clean());
  }
}

TEST_F(Sums, OfSymmetricPairsWithoutAGoodDefiniteMatrixAreSolvedByQz) {
  // κ(C) = 1e12, so that the symmetric basis would lose twelve digits.
  Matrix c(5, 5);
  const Matrix noise = symmetric(5, 21, 0);
  for (std::int64_t i = 0; i < 5; ++i) c(i, i) = std::pow(10, -3.0 * static_cast<double>(i));
  const Matrix q = oracle::multiply(noise, oracle::multiply(c, noise));
  const Matrix a = symmetric(5, 22, 0);  // indefinite
  const Matrix d = symmetric(4, 23, 2);
  const Matrix e = symmetric(4, 24, 5);
  data_ = {{"A", a}, {"C", oracle::add(0.5, q, 0.5, oracle::transpose(q))}, {"E", e}, {"F", d}};
  const Matrix dense = sum({{1, oracle::kron(a, e)}, {1, oracle::kron(data_["C"], d)}});
  write_data(20, 1);
  const auto outcome = run(
      2, job("solve", "s/s*kron(A, E) + t/t*kron(C, F)", "input: {file: data.h5, dataset: /x}\n"));
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  const Result result(path("results/out.h5"));
  EXPECT_NE(result.text("/report", "method").find("QZ"), std::string::npos);
  EXPECT_LT(oracle::relative_error(oracle::multiply(dense, result.values("/result")), values_),
            1e-13);
}

TEST_F(Sums, OfSymmetricPairsUseADefiniteCombinationOfTheFormula) {
  // Neither A nor B is definite, A + 3 B is; with three modes there is no other direct method.
  const Matrix definite = symmetric(4, 3, 4);
  const Matrix b = diagonal({5, -5, 4, -4});
  const Matrix t = symmetric(5, 4, 4);
  const Matrix u = symmetric(3, 5, 4);
  data_ = {{"A", oracle::add(1, definite, -3, b)}, {"B", b}, {"T", t}, {"U", u}};
  const Matrix dense =
      sum({{1, oracle::kron({definite, t, u})}, {0.5, oracle::kron({b, eye(5), eye(3)})}});
  write_data(60, 1);
  const auto outcome = run(2, job("solve", "s/s*kron(A + 3*B, T, U) + t/t*0.5*kron(B, I, I)",
                                  "input: {file: data.h5, dataset: /x}\n"));
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  const Result result(path("results/out.h5"));
  EXPECT_NE(result.text("/report", "method").find("generalised symmetric eigendecomposition"),
            std::string::npos)
      << result.text("/report", "method");
  EXPECT_LT(oracle::relative_error(oracle::multiply(dense, result.values("/result")), values_),
            1e-12);
}

}  // namespace
}  // namespace kronwerk::end_to_end
