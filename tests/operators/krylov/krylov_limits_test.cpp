// Systems that an iteration cannot solve, or hardly: it says so, and never gives NaN.
#include <cmath>
#include <limits>

#include "operators/krylov/krylov_fixture.hpp"

namespace kronwerk::operators {
namespace {

using oracle::Matrix;

TEST_F(KrylovTest, ReachingTheLimitIsNoConvergence) {
  const Matrix a = positive_definite(size, 13);
  for (const Index batch : {Index{1}, Index{2}}) {
    const auto b = oracle::random_vector(batch * size, 14);
    KrylovSolver solver(make({a}, batch), nullptr, batch, settings(KrylovMethod::cg, 1e-10, 4));
    const auto outcome = solve(solver, batch, b).outcome;
    EXPECT_FALSE(outcome.converged);
    EXPECT_EQ(outcome.iterations, 4);
    EXPECT_NE(outcome.reason.find("DIVERGED_ITS"), std::string::npos) << outcome.reason;
    EXPECT_EQ(outcome.history.size(), 5u);
    EXPECT_GT(outcome.residuals[0], 1e-10);
    EXPECT_TRUE(std::isfinite(outcome.residuals[0]));
  }
}

TEST_F(KrylovTest, CgRefusesAnIndefiniteOperator) {
  Matrix a = positive_definite(size, 15);
  for (std::int64_t i = 0; i < size; i += 2) {
    for (std::int64_t j = 0; j < size; ++j) a(i, j) = i == j ? -3 : 0;
    for (std::int64_t j = 0; j < size; ++j) a(j, i) = a(i, j);
  }
  for (const Index batch : {Index{1}, Index{3}}) {
    const auto b = oracle::random_vector(batch * size, 16);
    // Only the last column is indefinite: the others are solved all the same.
    std::vector<Matrix> matrices(static_cast<std::size_t>(batch), positive_definite(size, 17));
    matrices.back() = a;
    KrylovSolver solver(make(matrices, batch), nullptr, batch, settings(KrylovMethod::cg));
    const auto [outcome, x] = solve(solver, batch, b);
    EXPECT_FALSE(outcome.converged);
    EXPECT_NE(outcome.reason.find("not definite"), std::string::npos) << outcome.reason;
    for (const double each : x) EXPECT_TRUE(std::isfinite(each));
    for (Index column = 0; column + 1 < batch; ++column) {
      EXPECT_LE(outcome.residuals[static_cast<std::size_t>(column)], 1e-10);
    }
  }
}

TEST_F(KrylovTest, AnInconsistentSingularSystemEndsWithoutNaN) {
  // b has a part outside the range, which no x can match.
  Matrix a = positive_definite(size, 18);
  for (std::int64_t j = 0; j < size; ++j) a(3, j) = a(j, 3) = 0;
  for (const auto method : {KrylovMethod::cg, KrylovMethod::bicgstab, KrylovMethod::gmres}) {
    for (const Index batch : {Index{1}, Index{3}}) {
      const auto b = oracle::random_vector(batch * size, 19);
      KrylovSolver solver(make({a}, batch), nullptr, batch, settings(method, 1e-10, 300),
                          make({a}));
      const auto [outcome, x] = solve(solver, batch, b);
      EXPECT_FALSE(outcome.converged) << to_text(method);
      EXPECT_FALSE(outcome.reason.empty());
      EXPECT_LE(outcome.iterations, 300);
      for (const double each : x) EXPECT_TRUE(std::isfinite(each));
      for (const double each : outcome.residuals) EXPECT_GT(each, 1e-3);
    }
  }
}

TEST_F(KrylovTest, AToleranceBeyondRoundingEndsAsStagnationOrIsReached) {
  Matrix a = oracle::identity(size);
  for (std::int64_t i = 0; i < size; ++i)
    a(i, i) = std::pow(10.0, -11.0 * static_cast<double>(i) / (size - 1));
  a(0, size - 1) = 1e-3;
  for (const Index batch : {Index{1}, Index{2}}) {
    const auto b = oracle::random_vector(batch * size, 20);
    for (const auto method : {KrylovMethod::bicgstab, KrylovMethod::gmres}) {
      KrylovSolver solver(make({a}, batch), nullptr, batch, settings(method, 1e-15, 400),
                          make({a}));
      const auto [outcome, x] = solve(solver, batch, b);
      for (std::size_t c = 0; c < outcome.residuals.size(); ++c) {
        const std::span<const double> found(x.data() + c * size, size);
        const std::span<const double> right(b.data() + c * size, size);
        const double true_residual = oracle::relative_error(oracle::multiply(a, found), right);
        EXPECT_NEAR(outcome.residuals[c], true_residual, 1e-6 * true_residual + 1e-15);
        if (outcome.converged) {
          EXPECT_LE(true_residual, 2e-15);
        }
      }
    }
  }
}

TEST_F(KrylovTest, BreakdownOfBiCGStabIsSaid) {
  // Skew-symmetric: <t, s> is 0, so that BiCGStab cannot take a step.
  Matrix a(size + 1, size + 1);
  for (std::int64_t i = 0; i <= size; i += 2) {
    a(i, i + 1) = 1 + 0.1 * static_cast<double>(i);
    a(i + 1, i) = -a(i, i + 1);
  }
  const distribution::Layout grid({2, 6, 6}, 2, comm_.size());
  const auto op = std::make_shared<DenseOperator>(comm_, grid, std::vector<Matrix>{a});
  KrylovSolver solver(op, nullptr, 2, settings(KrylovMethod::bicgstab, 1e-10, 200));
  const auto count = static_cast<std::size_t>(grid.home_size(comm_.rank()));
  const std::vector<double> b(count, 1.0);
  std::vector<double> x(count, 0.0);
  const auto outcome = solver.solve(b, x);
  EXPECT_FALSE(outcome.converged);
  EXPECT_NE(outcome.reason.find("BREAKDOWN"), std::string::npos) << outcome.reason;
  for (const double each : x) EXPECT_TRUE(std::isfinite(each));
}

TEST_F(KrylovTest, ZeroRightHandSidesGiveZeroAtOnce) {
  const Matrix a = positive_definite(size, 21);
  for (const Index batch : {Index{1}, Index{3}}) {
    const auto op = make({a}, batch);
    KrylovSolver solver(op, nullptr, batch, settings(KrylovMethod::cg));
    const std::vector<double> b(static_cast<std::size_t>(batch * size), 0.0);
    const std::vector<double> start(b.size(), 2.0);
    const auto [outcome, x] = solve(solver, batch, b, false, start);
    EXPECT_TRUE(outcome.converged);
    EXPECT_EQ(outcome.iterations, 0);
    EXPECT_EQ(x, b);
  }
}

TEST_F(KrylovTest, NumbersThatAreNotFiniteAreSaid) {
  const Matrix a = positive_definite(size, 22);
  for (const auto method : {KrylovMethod::cg, KrylovMethod::bicgstab, KrylovMethod::gmres}) {
    for (const Index batch : {Index{1}, Index{3}}) {
      auto b = oracle::random_vector(batch * size, 23);
      b[4] = std::numeric_limits<double>::quiet_NaN();
      KrylovSolver solver(make({a}, batch), nullptr, batch, settings(method), make({a}));
      const auto bad_input = solve(solver, batch, b).outcome;
      EXPECT_FALSE(bad_input.converged);
      EXPECT_NE(bad_input.reason.find("not finite"), std::string::npos) << bad_input.reason;
      if (batch > 1) {
        EXPECT_LE(bad_input.residuals[1], 1e-10);  // the other columns are solved
      }
      b[4] = 1;
      Matrix bad = a;
      bad(2, 3) = std::numeric_limits<double>::infinity();
      KrylovSolver other(make({bad}, batch), nullptr, batch, settings(method), make({bad}));
      const auto bad_operator = solve(other, batch, b).outcome;
      EXPECT_FALSE(bad_operator.converged);
      EXPECT_FALSE(bad_operator.reason.empty());
    }
  }
}

TEST_F(KrylovTest, RightHandSidesOfAnySizeAreSolved) {
  const Matrix a = positive_definite(size, 22);
  for (const double scale : {1e-120, 1e-170, 1e-290, 1e170, 1e290}) {
    for (const auto method : {KrylovMethod::cg, KrylovMethod::gmres}) {
      auto b = oracle::random_vector(2 * size, 23);
      for (std::size_t i = 0; i < size; ++i) b[i] *= scale;
      KrylovSolver solver(make({a}, 2), nullptr, 2, settings(method), make({a}));
      const auto [outcome, x] = solve(solver, 2, b);
      EXPECT_TRUE(outcome.converged) << scale << ": " << outcome.reason;
      for (std::size_t c = 0; c < 2; ++c) {
        std::vector<double> found(x.data() + c * size, x.data() + (c + 1) * size);
        std::vector<double> right(b.data() + c * size, b.data() + (c + 1) * size);
        for (double& each : found) each /= c == 0 ? scale : 1;
        for (double& each : right) each /= c == 0 ? scale : 1;
        EXPECT_LE(oracle::relative_error(oracle::multiply(a, found), right), 2e-10) << scale;
      }
    }
  }
}

}  // namespace
}  // namespace kronwerk::operators
