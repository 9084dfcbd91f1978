#include "kronwerk/operators/krylov/krylov.hpp"

#include <petscsys.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "kronwerk/operators/petsc/petsc.hpp"
#include "operators/krylov/krylov_fixture.hpp"

namespace kronwerk::operators {
namespace {

using oracle::Matrix;

/// A PETSc option for the life of a test.
class Option {
 public:
  Option(const char* name, const char* value) : name_(name) {
    check_petsc(PetscOptionsSetValue(nullptr, name, value));
  }
  ~Option() { static_cast<void>(PetscOptionsClearValue(nullptr, name_)); }
  Option(const Option&) = delete;
  Option& operator=(const Option&) = delete;

 private:
  const char* name_;
};

TEST_F(KrylovTest, SolvesOneColumnByEachMethodInBothDirections) {
  const auto b = oracle::random_vector(size, 1);
  for (const auto method : {KrylovMethod::cg, KrylovMethod::bicgstab, KrylovMethod::gmres}) {
    const Matrix a =
        method == KrylovMethod::cg ? positive_definite(size, 2) : oracle::random_regular(size, 2);
    KrylovSolver solver(make({a}), nullptr, 1, settings(method));
    EXPECT_EQ(solver.method_name(), to_text(method));
    for (const bool transposed : {false, true}) {
      const auto [outcome, x] = solve(solver, 1, b, transposed);
      EXPECT_TRUE(outcome.converged) << to_text(method) << ": " << outcome.reason;
      expect_columns(x, b, {transposed ? oracle::transpose(a) : a}, 1e-10);
      ASSERT_EQ(outcome.residuals.size(), 1u);
      EXPECT_LE(outcome.residuals[0], 1e-10);
      EXPECT_GT(outcome.iterations, 3);
      EXPECT_EQ(static_cast<Index>(outcome.history.size()), outcome.iterations + 1);
      EXPECT_EQ(outcome.history.front(), 1.0);
      EXPECT_LE(outcome.history.back(), 1e-10);
    }
  }
}

TEST_F(KrylovTest, SolvesColumnsOfVeryDifferentScalesTogether) {
  for (const auto method : {KrylovMethod::cg, KrylovMethod::bicgstab}) {
    std::vector<Matrix> matrices;
    for (std::uint64_t c = 0; c < 5; ++c) {
      matrices.push_back(method == KrylovMethod::cg ? positive_definite(size, 10 + c)
                                                    : oracle::random_regular(size, 10 + c));
    }
    auto b = oracle::random_vector(5 * size, 3);
    for (std::size_t i = 0; i < b.size(); ++i) {
      const std::size_t column = i / size;
      b[i] *= column == 1 ? 1e-7 : column == 2 ? 0.0 : column == 3 ? 1e9 : 1.0;
    }
    const auto op = make(matrices, 5);
    KrylovSolver solver(op, nullptr, 5, settings(method));
    for (const bool transposed : {false, true}) {
      const auto [outcome, x] = solve(solver, 5, b, transposed);
      EXPECT_TRUE(outcome.converged) << to_text(method) << ": " << outcome.reason;
      std::vector<Matrix> used;
      for (const auto& matrix : matrices) {
        used.push_back(transposed ? oracle::transpose(matrix) : matrix);
      }
      expect_columns(x, b, used, 1e-10);
      ASSERT_EQ(outcome.residuals.size(), 5u);
      EXPECT_EQ(outcome.residuals[2], 0.0);
      for (const double each : outcome.residuals) EXPECT_LE(each, 1e-10);
    }
    // All columns share the applications: far fewer than column by column.
    const int per_iteration = method == KrylovMethod::cg ? 1 : 2;
    const int before = op->applications();
    const auto [outcome, x] = solve(solver, 5, b);
    EXPECT_LE(op->applications() - before,
              per_iteration * (static_cast<int>(outcome.iterations) + 3));
  }
}

TEST_F(KrylovTest, StartsFromWhatXHolds) {
  const std::vector<Matrix> matrices{positive_definite(size, 4)};
  const auto b = oracle::random_vector(3 * size, 5);
  std::vector<double> exact;
  for (std::size_t c = 0; c < 3; ++c) {
    const std::span<const double> right(b.data() + c * size, size);
    const auto x = oracle::solve(matrices[0], right);
    exact.insert(exact.end(), x.begin(), x.end());
  }
  KrylovSolver together(make(matrices, 3), nullptr, 3, settings(KrylovMethod::cg));
  KrylovSolver single(make(matrices), nullptr, 1, settings(KrylovMethod::gmres));
  const auto from_exact = solve(together, 3, b, false, exact);
  EXPECT_TRUE(from_exact.outcome.converged);
  EXPECT_EQ(from_exact.outcome.iterations, 0);
  auto near = exact;
  for (double& each : near) each *= 1 + 1e-6;
  const auto from_near = solve(together, 3, b, false, near);
  const auto from_zero = solve(together, 3, b);
  EXPECT_TRUE(from_near.outcome.converged);
  EXPECT_LT(from_near.outcome.iterations, from_zero.outcome.iterations);
  expect_columns(from_near.x, b, matrices, 1e-10);
  const std::vector<double> first(b.begin(), b.begin() + size);
  const std::vector<double> far(size, 1e6);  // much worse than no start at all
  const auto from_far = solve(single, 1, first, false, far);
  EXPECT_TRUE(from_far.outcome.converged) << from_far.outcome.reason;
  expect_columns(from_far.x, first, matrices, 1e-10);
}

TEST_F(KrylovTest, TheExactInverseAsPreconditionerNeedsOneIteration) {
  for (const Index batch : {Index{1}, Index{4}}) {
    const auto b = oracle::random_vector(batch * size, 6);
    for (const auto method : {KrylovMethod::cg, KrylovMethod::bicgstab, KrylovMethod::gmres}) {
      const Matrix a =
          method == KrylovMethod::cg ? positive_definite(size, 7) : oracle::random_regular(size, 7);
      KrylovSolver solver(make({a}, batch), make({oracle::inverse(a)}, batch), batch,
                          settings(method), make({a}), make({oracle::inverse(a)}));
      for (const bool transposed : {false, true}) {
        const auto [outcome, x] = solve(solver, batch, b, transposed);
        EXPECT_TRUE(outcome.converged) << outcome.reason;
        EXPECT_LE(outcome.iterations, 2);
        expect_columns(x, b, {transposed ? oracle::transpose(a) : a}, 1e-10);
      }
    }
  }
}

TEST_F(KrylovTest, OperatorAndPreconditionerCanBeCombined) {
  for (const Index batch : {Index{1}, Index{3}}) {
    auto b = oracle::random_vector(batch * size, 31);
    for (std::size_t i = size; i < b.size(); ++i) b[i] *= 1e-6;
    for (const auto method : {KrylovMethod::cg, KrylovMethod::bicgstab, KrylovMethod::gmres}) {
      // For CG both are polynomials of one matrix, so that their product is symmetric.
      const bool cg = method == KrylovMethod::cg;
      const Matrix a = cg ? positive_definite(size, 32) : oracle::random_regular(size, 32);
      const Matrix near =
          oracle::add(1.0, a, cg ? 0.3 : 0.1,
                      cg ? oracle::identity(size) : oracle::random_matrix(size, size, 33));
      const Matrix inverse = oracle::inverse(near);
      const auto op = make({a}, batch);
      const auto preconditioner = make({inverse}, batch);
      const auto combined = make({oracle::multiply(a, inverse)}, batch);
      KrylovSolver apart(op, preconditioner, batch, settings(method), make({a}), make({inverse}));
      KrylovSolver solver(op, preconditioner, batch, settings(method), make({a}), make({inverse}),
                          combined);
      for (const bool transposed : {false, true}) {
        const auto expected = solve(apart, batch, b, transposed);
        const int before = op->applications() + preconditioner->applications();
        auto start = oracle::random_vector(batch * size, 34);
        for (double& each : start) each *= 1e-6;
        const auto [outcome, x] =
            solve(solver, batch, b, transposed, transposed ? start : std::vector<double>{});
        EXPECT_TRUE(outcome.converged) << to_text(method) << ": " << outcome.reason;
        expect_columns(x, b, {transposed ? oracle::transpose(a) : a}, 1e-10);
        EXPECT_LE(outcome.iterations, expected.outcome.iterations + (transposed ? 20 : 8));
        if (batch > 1 && method == KrylovMethod::gmres) continue;  // column by column
        EXPECT_LE(op->applications() + preconditioner->applications() - before,
                  transposed ? 12 : 4);
        EXPECT_GT(combined->applications(), 3);
      }
    }
  }
}

TEST_F(KrylovTest, OtherMethodsRunColumnByColumn) {
  const Matrix a = oracle::random_regular(size, 8);
  auto b = oracle::random_vector(3 * size, 9);
  for (std::size_t i = size; i < 2 * size; ++i) b[i] *= 1e-7;
  KrylovSolver solver(make({a}, 3), nullptr, 3, settings(KrylovMethod::gmres), make({a}));
  const auto [outcome, x] = solve(solver, 3, b);
  EXPECT_TRUE(outcome.converged) << outcome.reason;
  expect_columns(x, b, {a}, 1e-10);
  EXPECT_EQ(outcome.residuals.size(), 3u);
  EXPECT_EQ(static_cast<Index>(outcome.history.size()), outcome.iterations + 1);
  EXPECT_THROW(KrylovSolver(make({a}, 3), nullptr, 3, settings(KrylovMethod::gmres)),
               core::ConfigurationError);
}

TEST_F(KrylovTest, TheUsersOptionsWin) {
  const Matrix a = positive_definite(size, 11);
  const auto b = oracle::random_vector(3 * size, 12);
  {
    const Option type("-ksp_type", "tfqmr");
    KrylovSolver solver(make({a}, 3), nullptr, 3, settings(KrylovMethod::cg), make({a}));
    EXPECT_EQ(solver.method_name(), "tfqmr");
    const auto [outcome, x] = solve(solver, 3, b);
    EXPECT_TRUE(outcome.converged) << outcome.reason;
    expect_columns(x, b, {a}, 1e-10);
  }
  for (const Index batch : {Index{1}, Index{3}}) {
    const Option tolerance("-ksp_rtol", "1e-3");
    const std::vector<double> right(b.begin(), b.begin() + batch * size);
    KrylovSolver solver(make({a}, batch), nullptr, batch, settings(KrylovMethod::cg), make({a}));
    const auto [outcome, x] = solve(solver, batch, right);
    EXPECT_TRUE(outcome.converged);
    EXPECT_GT(outcome.residuals[0], 1e-9);
    EXPECT_LE(outcome.residuals[0], 1e-3);
  }
  for (const Index batch : {Index{1}, Index{3}}) {
    const Option limit("-ksp_max_it", "2");
    const std::vector<double> right(b.begin(), b.begin() + batch * size);
    KrylovSolver solver(make({a}, batch), nullptr, batch, settings(KrylovMethod::bicgstab));
    const auto outcome = solve(solver, batch, right).outcome;
    EXPECT_FALSE(outcome.converged);
    EXPECT_EQ(outcome.iterations, 2);
  }
  {
    const Option left("-ksp_pc_side", "left");
    KrylovSolver solver(make({a}), nullptr, 1, settings(KrylovMethod::gmres));
    const std::vector<double> right(b.begin(), b.begin() + size);
    EXPECT_TRUE(solve(solver, 1, right).outcome.converged);
  }
  {
    const Option once("-ksp_type", "preonly");
    KrylovSolver solver(make({a}), nullptr, 1, settings(KrylovMethod::gmres));
    const std::vector<double> right(b.begin(), b.begin() + size);
    const auto outcome = solve(solver, 1, right).outcome;
    EXPECT_FALSE(outcome.converged);  // without a preconditioner, x = b is no solution
    EXPECT_NE(outcome.reason.find("true relative residual"), std::string::npos) << outcome.reason;
  }
}

TEST_F(KrylovTest, TheListenerHearsEveryIterationAndCanStop) {
  const Matrix a = positive_definite(size, 24);
  for (const Index batch : {Index{1}, Index{2}}) {
    const auto b = oracle::random_vector(batch * size, 25);
    std::vector<Index> heard;
    auto listening = settings(KrylovMethod::cg);
    listening.on_iteration = [&](Index iteration, double) { heard.push_back(iteration); };
    KrylovSolver solver(make({a}, batch), nullptr, batch, listening);
    const auto outcome = solve(solver, batch, b).outcome;
    std::vector<Index> expected(static_cast<std::size_t>(outcome.iterations) + 1);
    std::iota(expected.begin(), expected.end(), Index{0});
    EXPECT_EQ(heard, expected);
  }
  auto stopping = settings(KrylovMethod::cg);
  stopping.on_iteration = [&](Index iteration, double) {
    if (iteration == 3) throw core::Terminated("stop");
  };
  check_petsc(PetscPushErrorHandler(PetscReturnErrorHandler, nullptr));
  for (const Index batch : {Index{1}, Index{2}}) {
    KrylovSolver solver(make({a}, batch), nullptr, batch, stopping);
    const auto b = local(batch, oracle::random_vector(batch * size, 25));
    std::vector<double> x(b.size(), 0.0);
    EXPECT_THROW(solver.solve(b, x), core::Terminated);
  }
  check_petsc(PetscPopErrorHandler());
}

TEST_F(KrylovTest, ShapesAreChecked) {
  const Matrix a = positive_definite(size, 26);
  const auto op = make({a});
  EXPECT_THROW(KrylovSolver(op, nullptr, 3, settings(KrylovMethod::cg)), core::ShapeError);
  const distribution::Layout other({5, rows}, 1, comm_.size());
  const auto wrong = std::make_shared<DenseOperator>(comm_, other, std::vector<Matrix>{a});
  EXPECT_THROW(KrylovSolver(op, wrong, 1, settings(KrylovMethod::cg)), core::ShapeError);
  KrylovSolver solver(op, nullptr, 1, settings(KrylovMethod::cg));
  auto b = local(1, oracle::random_vector(size, 1));
  std::vector<double> x(b.size() + (comm_.rank() == comm_.size() - 1 ? 1 : 0));
  EXPECT_THROW(solver.solve(b, x), core::ShapeError);  // on every rank
}

TEST_F(KrylovTest, ColumnDotsArePerColumn) {
  for (const Index batch : {Index{1}, Index{4}}) {
    const auto x = oracle::random_vector(batch * size, 27);
    const auto y = oracle::random_vector(batch * size, 28);
    const auto found = column_dots(comm_, layout(batch), batch, local(batch, x), local(batch, y));
    ASSERT_EQ(found.size(), static_cast<std::size_t>(batch));
    for (std::size_t c = 0; c < found.size(); ++c) {
      const double expected =
          std::inner_product(x.begin() + static_cast<std::ptrdiff_t>(c * size),
                             x.begin() + static_cast<std::ptrdiff_t>((c + 1) * size),
                             y.begin() + static_cast<std::ptrdiff_t>(c * size), 0.0);
      EXPECT_NEAR(found[c], expected, 1e-13);
    }
  }
}

}  // namespace
}  // namespace kronwerk::operators
