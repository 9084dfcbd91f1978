// The choice of a method by structure, and what is built for it, against dense oracles.
#include "kronwerk/methods/method.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/methods/determinant_choice.hpp"
#include "kronwerk/methods/operator_memory.hpp"
#include "support/dense_oracle.hpp"

namespace kronwerk::methods {
namespace {

using configuration::Method::automatic;
using configuration::Method::direct;
using configuration::Method::krylov;

/// Matrices of unequal extents: S and T symmetric (T positive definite), A and B general.
class MethodTest : public testing::Test {
 protected:
  MethodTest() {
    const auto add = [&](const std::string& name, oracle::Matrix matrix) {
      dense_[name] = matrix;
      symbols_.matrices[name] = {matrix.rows, matrix.cols, false, false, 0};
      matrices_[name] = factors::make_dense(
          name, {matrix.rows, matrix.cols,
                 communication::SharedArray<double>::from_private(matrix.values)});
    };
    add("S", symmetric(3, 1, 0));
    add("T", symmetric(5, 2, 4));
    add("U", symmetric(3, 3, 5));
    add("V", symmetric(5, 4, 5));
    add("A", oracle::random_matrix(3, 3, 5));
    add("C", oracle::random_matrix(3, 3, 6));
    add("E", oracle::random_matrix(3, 3, 7));
    add("B", oracle::random_matrix(5, 5, 8));
    add("D", oracle::random_matrix(5, 5, 9));
    add("F", oracle::random_matrix(5, 5, 10));
  }

  static oracle::Matrix symmetric(std::int64_t n, std::uint64_t seed, double shift) {
    const oracle::Matrix general = oracle::random_matrix(n, n, seed);
    return oracle::add(shift, oracle::identity(n), 0.5,
                       oracle::add(1, general, 1, oracle::transpose(general)));
  }

  OperatorFormula formula(const std::string& text) const {
    const auto expression = expressions::analyse(text, symbols_, "test.yaml:1");
    return {expressions::simplify(expression, {}), symbols_, "test.yaml:1"};
  }

  Method foreseen(const std::string& text, configuration::Method wanted = automatic) const {
    return foresee_method(formula(text), wanted, 1, 1, {});
  }

  /// Solves with the method that is chosen and compares with the dense solution.
  MethodKind check_solve(const std::string& text, const oracle::Matrix& whole,
                         configuration::Method wanted = automatic) {
    OperatorData data(comm_, matrices_);
    const OperatorFormula system = formula(text);
    const Method method = choose_method(data, system, wanted, 1);
    const OperatorBuilder builder(comm_, std::make_shared<operators::Workspace>(comm_), data);
    const auto products = data.lowering().lower(system.sum);
    configuration::SolverSettings settings;
    settings.tolerance = 1e-12;
    SolveRecord record;
    core::Index told = 0;
    record.on_iteration = [&](core::Index) { ++told; };
    const auto solver = make_solver(builder, method, products, 1, settings, record);
    const auto op = builder.build(products, 1, solver->leading_modes());
    for (const bool transposed : {false, true}) {
      const auto& layout = op->input_layout();
      const auto begin = static_cast<std::size_t>(layout.home_begin(comm_.rank()));
      const auto size = static_cast<std::size_t>(layout.home_size(comm_.rank()));
      const auto expected = oracle::random_vector(whole.rows, 17);
      const auto right = oracle::multiply(transposed ? oracle::transpose(whole) : whole, expected);
      const std::vector<double> b(right.begin() + static_cast<std::ptrdiff_t>(begin),
                                  right.begin() + static_cast<std::ptrdiff_t>(begin + size));
      std::vector<double> x(size);
      solver->solve(b, x, transposed);
      for (std::size_t i = 0; i < size; ++i) EXPECT_NEAR(x[i], expected[begin + i], 1e-8) << text;
    }
    EXPECT_TRUE(record.converged) << text;
    EXPECT_EQ(told > 0, method.kind == MethodKind::krylov) << text;
    return method.kind;
  }

  oracle::Matrix kron(const std::string& a, const std::string& b) const {
    return oracle::kron(dense_.at(a), dense_.at(b));
  }

  communication::Communicator comm_ = communication::Communicator::duplicate(MPI_COMM_WORLD);
  expressions::Symbols symbols_;
  std::map<std::string, oracle::Matrix> dense_;
  std::map<std::string, factors::FactorPtr> matrices_;
};

TEST_F(MethodTest, OneProductIsSolvedByItsFactors) {
  EXPECT_EQ(foreseen("kron(A, B)").kind, MethodKind::product);
  EXPECT_EQ(check_solve("kron(U, V)", kron("U", "V")), MethodKind::product);
}

TEST_F(MethodTest, AKroneckerSumIsDiagonalised) {
  const Method method = foreseen("kronsum(U, V)");
  EXPECT_EQ(method.kind, MethodKind::spectral);
  EXPECT_NE(method.why.find("fast diagonalisation"), std::string::npos) << method.why;
  const oracle::Matrix whole = oracle::add(1, oracle::kron(dense_.at("U"), oracle::identity(5)), 1,
                                           oracle::kron(oracle::identity(3), dense_.at("V")));
  EXPECT_EQ(check_solve("kronsum(U, V)", whole), MethodKind::spectral);
}

TEST_F(MethodTest, TwoTermsOfDefinitePairsAreDiagonalisedTogether) {
  const oracle::Matrix whole = oracle::add(1, kron("U", "T"), 0.1, kron("S", "V"));
  EXPECT_EQ(check_solve("kron(U, T) + 0.1*kron(S, V)", whole), MethodKind::spectral);
}

TEST_F(MethodTest, ThreeUnrelatedTermsAreIteratedWith) {
  const std::string text = "4*kron(U, V) + 0.1*kron(A, B) + 0.1*kron(C, D)";
  const Method method = foreseen(text);
  EXPECT_EQ(method.kind, MethodKind::krylov);
  EXPECT_NE(method.why.find("no direct method"), std::string::npos) << method.why;
  const oracle::Matrix whole =
      oracle::add(1, oracle::add(4, kron("U", "V"), 0.1, kron("A", "B")), 0.1, kron("C", "D"));
  EXPECT_EQ(check_solve(text, whole), MethodKind::krylov);
  EXPECT_THROW(check_solve(text, whole, direct), core::ConfigurationError);
}

TEST_F(MethodTest, WhatIsAskedForIsTaken) {
  const Method method = foreseen("kron(A, B)", krylov);
  EXPECT_EQ(method.kind, MethodKind::krylov);
  EXPECT_EQ(method.why, "krylov: asked for by solver.method");
}

TEST_F(MethodTest, TheKrylovSetUpKnowsADefiniteOperatorAndWhatIsNear) {
  OperatorData data(comm_, matrices_);
  const auto definite = set_up_krylov(data, formula("kron(U, V) + 0.01*kron(S, T)").sum);
  EXPECT_EQ(definite.method, operators::KrylovMethod::cg);
  ASSERT_TRUE(definite.definite);
  EXPECT_GT(definite.definite->least, 0);
  EXPECT_NE(definite.preconditioner.find("nearest Kronecker"), std::string::npos);
  const auto general = set_up_krylov(data, formula("kron(A, B) + kron(C, D)").sum);
  EXPECT_EQ(general.method, operators::KrylovMethod::gmres);
  EXPECT_FALSE(general.definite);
}

TEST_F(MethodTest, TheSpectralFormHasTheEigenvaluesOfTheWhole) {
  OperatorData data(comm_, matrices_);
  const auto form = find_spectral_form(data, formula("2*kronsum(U, V) + 3*I").sum, false);
  ASSERT_TRUE(form);
  ASSERT_TRUE(form.sum);
  const oracle::Matrix sum = oracle::add(1, oracle::kron(dense_.at("U"), oracle::identity(5)), 1,
                                         oracle::kron(oracle::identity(3), dense_.at("V")));
  const oracle::Matrix whole = oracle::add(2, sum, 3, oracle::identity(15));
  const auto [log_abs, sign] = operators::spectral_determinant(comm_, *form.sum);
  EXPECT_NEAR(log_abs, oracle::log_abs_det(whole), 1e-10);
  EXPECT_EQ(sign, oracle::sign_of_det(whole));
}

TEST_F(MethodTest, MatricesAreForgottenOnlyIfTheyWereAdded) {
  OperatorData data(comm_, matrices_);
  data.add("K(l=1)", matrices_.at("S"));
  EXPECT_TRUE(data.matrices().contains("K(l=1)"));
  EXPECT_TRUE(data.symmetric_matrices().contains("K(l=1)"));
  data.forget();
  EXPECT_FALSE(data.matrices().contains("K(l=1)"));
  EXPECT_TRUE(data.matrices().contains("S"));
}

TEST_F(MethodTest, ADeterminantIsFoundByWhatTheStructureAllows) {
  EXPECT_EQ(foresee_determinant(formula("kron(A, B)"), automatic, 1).kind,
            DeterminantKind::product);
  EXPECT_EQ(foresee_determinant(formula("kronsum(A, B)"), automatic, 1).kind,
            DeterminantKind::spectral);
  const auto three = formula("kron(A, B) + kron(C, D) + kron(E, F)");
  EXPECT_EQ(foresee_determinant(three, automatic, 1).kind, DeterminantKind::dense);
  EXPECT_EQ(foresee_determinant(three, krylov, 1).kind, DeterminantKind::estimated);
}

TEST_F(MethodTest, MemoryFollowsTheWork) {
  const auto whole = formula("kron(A, B) + kron(C, D) + kron(E, F)");
  Workload apply{.kind = Workload::Kind::apply, .count = 7};
  EXPECT_EQ(choose_batch(whole, apply, 1), 7);
  apply.batch = 2;
  EXPECT_EQ(choose_batch(whole, apply, 1), 2);
  const MemoryNeeds of_apply = estimate_memory(whole, apply, 1, 1);
  EXPECT_EQ(of_apply.batch, 2);
  EXPECT_FALSE(of_apply.method);
  // Six dense factors at least; two blocks of two vectors of 15 numbers at least.
  EXPECT_GE(of_apply.factor_bytes_per_node, 8.0 * 3 * (9 + 25));
  EXPECT_GE(of_apply.vector_bytes_per_rank, 8.0 * 2 * 2 * 15);
  Workload solve = apply;
  solve.kind = Workload::Kind::solve;
  const MemoryNeeds of_solve = estimate_memory(whole, solve, 1, 1);
  EXPECT_EQ(of_solve.method, MethodKind::krylov);
  EXPECT_GT(of_solve.vector_bytes_per_rank, of_apply.vector_bytes_per_rank);
  const Workload determinant{.kind = Workload::Kind::determinant, .in_blocks = false};
  const MemoryNeeds of_determinant = estimate_memory(whole, determinant, 1, 1);
  EXPECT_EQ(of_determinant.batch, 1);
  // The whole matrix and its factorisation.
  EXPECT_GE(of_determinant.factor_bytes_per_node, 16.0 * 15 * 15);
}

}  // namespace
}  // namespace kronwerk::methods
