#include "kronwerk/operators/kernel_matrices/kernel_solver.hpp"

#include <limits>

#include "kronwerk/factors/base/distributed_libraries.hpp"
#include "operators/kernel_matrices/kernel_fixture.hpp"

namespace kronwerk::operators {
namespace {

using communication::Communicator;

constexpr const char* gaussian = "exp(-sqdist(x, y))";

KernelSolverSettings settings(KernelMethod method, double tolerance = 1e-12) {
  KernelSolverSettings result;
  result.method = method;
  result.tolerance = tolerance;
  return result;
}

// Columns of very different size.
std::vector<double> right_hand_sides(Index points, Index width) {
  auto b = oracle::random_vector(points * width, 9);
  for (Index p = 0; p < points; ++p) {
    for (Index c = 0; c < width; ++c) {
      b[static_cast<std::size_t>(p * width + c)] *= std::pow(10.0, -7.0 * static_cast<double>(c));
    }
  }
  return b;
}

/// The largest relative error of any column.
double column_error(const std::vector<double>& a, const std::vector<double>& expected,
                    Index width) {
  double worst = 0;
  for (Index c = 0; c < width; ++c) {
    std::vector<double> one;
    std::vector<double> other;
    for (auto i = static_cast<std::size_t>(c); i < a.size(); i += static_cast<std::size_t>(width)) {
      one.push_back(a[i]);
      other.push_back(expected[i]);
    }
    worst = std::max(worst, oracle::relative_error(one, other));
  }
  return worst;
}

void expect_solution(const Communicator& comm, const KernelCase& kernel, double scale, double alpha,
                     const KernelSolverSettings& wanted, const std::string& method, Index width = 3,
                     bool transposed = false) {
  const auto op = kernel.op(width, scale, alpha);
  const KernelSolver solver(op, wanted);
  EXPECT_EQ(solver.method(), method) << solver.why();
  const oracle::Matrix dense = kernel.dense(scale, alpha);
  const Index n = dense.rows;
  const auto b = right_hand_sides(n, width);
  const auto expected =
      oracle::solve(transposed ? oracle::transpose(dense) : dense, oracle::Matrix(n, width, b))
          .values;
  const auto own = own_rows(comm, b, width);
  std::vector<double> a(own.size(), 0.0);
  const KrylovOutcome outcome = solver.solve(own, a, width, transposed);
  EXPECT_TRUE(outcome.converged) << outcome.reason << "; " << solver.why();
  ASSERT_EQ(outcome.residuals.size(), static_cast<std::size_t>(width));
  for (const double residual : outcome.residuals) EXPECT_LE(residual, wanted.tolerance);
  EXPECT_LT(column_error(all_rows(comm, a, n, width), expected, width), 1e-9)
      << method << ", alpha " << alpha << ", np " << comm.size();
}

TEST(KernelSolver, ConjugateGradientsMatchTheDenseSolve) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  for (const Index n : {1, 2, 97, 301}) {
    const KernelCase kernel(comm, gaussian, oracle::random_vector(n * 3, 1), 3);
    expect_solution(comm, kernel, 1, 0.1, settings(KernelMethod::krylov), "cg");
    expect_solution(comm, kernel, 2, 1e-2, settings(KernelMethod::krylov), "cg", 1);
  }
}

TEST(KernelSolver, GoesOnFromAnIterate) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  const KernelCase kernel(comm, gaussian, oracle::random_vector(97 * 3, 1), 3);
  constexpr Index width = 2;
  auto b = right_hand_sides(97, width);
  for (std::size_t i = 1; i < b.size(); i += width) b[i] *= 1e-200;
  const auto own = own_rows(comm, b, width);
  auto wanted = settings(KernelMethod::krylov);
  wanted.preconditioner = KernelPreconditioner::none;
  std::vector<std::vector<double>> iterates;
  wanted.on_iterate = [&](const KrylovIterate& iterate) {
    std::vector<double> room;
    const auto a = iterate(room);
    iterates.emplace_back(a.begin(), a.end());
  };
  const KernelSolver solver(kernel.op(width, 1, 0.1), wanted);
  std::vector<double> whole(own.size(), 0.0);
  const Index all = solver.solve(own, whole, width).iterations;
  ASSERT_EQ(std::ssize(iterates), all);
  std::vector<double> a = iterates[static_cast<std::size_t>(all * 3 / 4)];
  const KrylovOutcome rest = solver.solve(own, a, width);
  EXPECT_TRUE(rest.converged);
  EXPECT_LT(rest.iterations, all);
  EXPECT_LT(column_error(all_rows(comm, a, 97, width), all_rows(comm, whole, 97, width), width),
            1e-8);
  std::vector<double> last = whole;
  EXPECT_EQ(solver.solve(own, last, width).iterations, 0);
  EXPECT_LT(column_error(all_rows(comm, last, 97, width), all_rows(comm, whole, 97, width), width),
            1e-15);
}

TEST(KernelSolver, AnIterateIsLeftWhereItIsTerminated) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  const KernelCase kernel(comm, gaussian, oracle::random_vector(97 * 3, 1), 3);
  const auto own = own_rows(comm, right_hand_sides(97, 1), 1);
  auto wanted = settings(KernelMethod::krylov);
  wanted.preconditioner = KernelPreconditioner::none;
  std::vector<double> told;
  wanted.on_iterate = [&](const KrylovIterate& iterate) {
    std::vector<double> room;
    const auto a = iterate(room);
    told.assign(a.begin(), a.end());
  };
  wanted.on_iteration = [](Index iteration, double) {
    if (iteration == 5) throw core::Terminated("enough");
  };
  const KernelSolver solver(kernel.op(1, 1, 0.1), wanted);
  std::vector<double> a(own.size(), 0.0);
  EXPECT_THROW(solver.solve(own, a, 1), core::Terminated);
  EXPECT_EQ(a, told);
}

TEST(KernelSolver, EveryPreconditionerGivesTheSameSolution) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  const KernelCase kernel(comm, "exp(-norm(x - y)/s)", oracle::random_vector(150 * 2, 3), 2,
                          {{"s", 0.7}});
  Index before = std::numeric_limits<Index>::max();
  for (const auto preconditioner :
       {KernelPreconditioner::none, KernelPreconditioner::nystrom,
        KernelPreconditioner::pivoted_cholesky, KernelPreconditioner::automatic}) {
    auto wanted = settings(KernelMethod::krylov);
    wanted.preconditioner = preconditioner;
    wanted.rank = preconditioner == KernelPreconditioner::automatic ? 0 : 60;
    expect_solution(comm, kernel, 1, 0.01, wanted, "cg");
    const KernelSolver solver(kernel.op(1, 1, 0.01), wanted);
    const auto b = own_rows(comm, oracle::random_vector(150, 4), 1);
    std::vector<double> a(b.size());
    const Index iterations = solver.solve(b, a, 1).iterations;
    if (preconditioner == KernelPreconditioner::none) {
      EXPECT_EQ(solver.rank(), 0);
      before = iterations;
    } else if (wanted.rank > 0) {
      EXPECT_GT(solver.rank(), 30);
      EXPECT_LE(solver.rank(), 60);
      EXPECT_LT(2 * iterations, before) << "the preconditioner is of no use";
    }
  }
}

TEST(KernelSolver, IndicesInTheFormulaReachThePreconditioner) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  const KernelCase kernel(comm, "exp(-sqdist(x, y)) + where(i == j, 0.5 + 0.01*(i + j), 0)",
                          oracle::random_vector(120 * 2, 3), 2);
  expect_solution(comm, kernel, 1, 0.01, settings(KernelMethod::krylov), "cg");
}

TEST(KernelSolver, SmallAlphasAreSolvedToTheTolerance) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  const KernelCase kernel(comm, gaussian, oracle::random_vector(200 * 3, 1), 3);
  const double alpha = 1e-9;
  const auto op = kernel.op(1, 1, alpha);
  const KernelSolver solver(op, settings(KernelMethod::krylov, 1e-8));
  const auto b = own_rows(comm, oracle::random_vector(200, 4), 1);
  std::vector<double> a(b.size());
  const KrylovOutcome outcome = solver.solve(b, a, 1);
  EXPECT_TRUE(outcome.converged) << outcome.reason << "; " << solver.why();
  EXPECT_LT(outcome.iterations, 60) << solver.why();
}

TEST(KernelSolver, DenseFactorisationMatchesToo) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  const KernelCase kernel(comm, gaussian, oracle::random_vector(131 * 3, 1), 3);
  expect_solution(comm, kernel, 2, 0.1, settings(KernelMethod::direct), "direct");
  expect_solution(comm, kernel, 2, 0.1, settings(KernelMethod::automatic), "direct");
  const KernelCase skew(comm, "exp(-sqdist(x, y)) * (2 + sum(x))", oracle::random_vector(67 * 2, 1),
                        2);
  for (const bool transposed : {false, true}) {
    expect_solution(comm, skew, 1, 0.3, settings(KernelMethod::direct), "direct", 2, transposed);
    expect_solution(comm, skew, 1, 0.3, settings(KernelMethod::krylov), "gmres", 2, transposed);
  }
}

TEST(KernelSolver, DenseMatricesSpreadOverTheRanksMatchToo) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  auto wanted = settings(KernelMethod::direct);
  wanted.spread_extent = 1;
  const KernelCase kernel(comm, gaussian, oracle::random_vector(131 * 3, 1), 3);
  expect_solution(comm, kernel, 2, 0.1, wanted, "direct");
  const KernelSolver solver(kernel.op(1, 2, 0.1), wanted);
  EXPECT_EQ(solver.why().find("spread over") != std::string::npos,
            comm.size() > 1 && factors::has_scalapack())
      << solver.why();
  EXPECT_NEAR(solver.log_determinant().value, oracle::log_abs_det(kernel.dense(2, 0.1)), 1e-9);
  // Neither symmetric nor independent of the points' numbers, and indefinite.
  const KernelCase skew(comm, "exp(-sqdist(x, y)) * (2 + sum(x)) + where(i == j, 0.01*i, 0)",
                        oracle::random_vector(67 * 2, 1), 2);
  for (const bool transposed : {false, true}) {
    expect_solution(comm, skew, 1, 0.3, wanted, "direct", 2, transposed);
  }
  const KernelCase indefinite(comm, "sqrt(1 + sqdist(x, y))", oracle::random_vector(60 * 2, 1), 2);
  expect_solution(comm, indefinite, 1, -0.01, wanted, "direct", 2);
}

TEST(KernelSolver, LargerSystemsAreIterated) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  const Index n = 3000;
  const KernelCase kernel(comm, "exp(-4*sqdist(x, y))", oracle::random_vector(n * 3, 1), 3);
  const auto op = kernel.op(1, 1, 0.1);
  const KernelSolver solver(op, settings(KernelMethod::automatic, 1e-8));
  EXPECT_EQ(solver.method(), "cg") << solver.why();
  EXPECT_GT(solver.rank(), 100);
  const auto b = own_rows(comm, oracle::random_vector(n, 2), 1);
  std::vector<double> a(b.size());
  const KrylovOutcome outcome = solver.solve(b, a, 1);
  EXPECT_TRUE(outcome.converged) << outcome.reason;
  EXPECT_LT(outcome.iterations, 30) << solver.why();
  std::vector<double> image(b.size());
  op->apply(a, image);
  EXPECT_LT(oracle::relative_error(all_rows(comm, image, n, 1), all_rows(comm, b, n, 1)), 1.01e-8);
}

TEST(KernelSolver, IndefiniteKernelsAreSolvedByMinres) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  const KernelCase kernel(comm, "sqrt(1 + sqdist(x, y))", oracle::random_vector(60 * 2, 1), 2);
  expect_solution(comm, kernel, 1, 0.5, settings(KernelMethod::krylov, 1e-11), "minres", 2);
  expect_solution(comm, kernel, 1, -0.01, settings(KernelMethod::direct), "direct", 2);
}

TEST(KernelSolver, RefusesASingularKernelWithoutAlpha) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  auto points = oracle::random_vector(40 * 3, 1);
  std::copy_n(points.begin(), 3, points.begin() + 60);  // the first point once more
  const KernelCase kernel(comm, "exp(-norm(x - y))", points, 3);
  for (const auto method : {KernelMethod::automatic, KernelMethod::direct, KernelMethod::krylov}) {
    try {
      const KernelSolver solver(kernel.op(1, 1, 0), settings(method));
      ADD_FAILURE() << "accepted: " << solver.why();
    } catch (const core::DataError& error) {
      EXPECT_NE(std::string(error.what()).find("alpha"), std::string::npos) << error.what();
    }
  }
  auto spread = settings(KernelMethod::direct);
  spread.spread_extent = 1;
  EXPECT_THROW(KernelSolver(kernel.op(1, 1, 0), spread), core::SingularError);
}

TEST(KernelSolver, NegativeAlphasAreIndefiniteAndNotSingular) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  // A smooth kernel, whose numerical rank is less than the number of points.
  const KernelCase kernel(comm, "exp(-sqdist(x, y)/8)", oracle::random_vector(60 * 2, 1), 2);
  expect_solution(comm, kernel, 1, -0.5, settings(KernelMethod::krylov, 1e-11), "minres", 2);
  expect_solution(comm, kernel, 1, -0.5, settings(KernelMethod::automatic), "direct", 2);
}

TEST(KernelSolver, ARegularKernelNeedsNoAlpha) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  const KernelCase kernel(comm, "exp(-norm(x - y))", oracle::random_vector(80 * 3, 1), 3);
  expect_solution(comm, kernel, 1, 0, settings(KernelMethod::krylov), "cg");
}

TEST(KernelSolver, RefusesNumbersThatAreNotFinite) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  auto points = oracle::random_vector(30 * 2, 1);
  const KernelCase good(comm, gaussian, points, 2);
  const KernelSolver solver(good.op(1, 1, 0.1), settings(KernelMethod::krylov));
  auto b = oracle::random_vector(30, 2);
  b[29] = nan;
  const auto own = own_rows(comm, b, 1);
  std::vector<double> a(own.size());
  EXPECT_THROW(solver.solve(own, a, 1), core::DataError);
  std::vector<double> wrong(own.size() + 1);
  EXPECT_THROW(solver.solve(wrong, wrong, 1), core::ShapeError);
  points[1] = nan;
  const KernelCase bad(comm, gaussian, points, 2);
  EXPECT_THROW(KernelSolver(bad.op(1, 1, 0.1), settings(KernelMethod::automatic)), core::DataError);
  const KernelCase overflowing(comm, "exp(1000*dot(x, y))", std::vector<double>(30, 3.0), 1);
  EXPECT_THROW(KernelSolver(overflowing.op(1, 1, 0.1), settings(KernelMethod::krylov)),
               core::DataError);
}

TEST(KernelSolver, SaysThatItDidNotConvergeAndKeepsTheHistory) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  const KernelCase kernel(comm, gaussian, oracle::random_vector(200 * 3, 1), 3);
  auto wanted = settings(KernelMethod::krylov);
  wanted.preconditioner = KernelPreconditioner::none;
  wanted.max_iterations = 4;
  Index told = 0;
  wanted.on_iteration = [&](Index, double) { ++told; };
  const KernelSolver solver(kernel.op(2, 1, 1e-4), wanted);
  const auto b = own_rows(comm, oracle::random_vector(400, 2), 2);
  std::vector<double> a(b.size());
  const KrylovOutcome outcome = solver.solve(b, a, 2);
  EXPECT_FALSE(outcome.converged);
  EXPECT_NE(outcome.reason.find("4 iterations"), std::string::npos) << outcome.reason;
  EXPECT_EQ(outcome.iterations, 4);
  EXPECT_EQ(outcome.history.size(), 4U);
  EXPECT_EQ(told, 4);
}

TEST(KernelSolver, ColumnsConvergeEachOnItsOwn) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  const Index n = 90;
  const KernelCase kernel(comm, gaussian, oracle::random_vector(n * 3, 1), 3);
  const oracle::Matrix dense = kernel.dense(1, 0.05);
  // Column 0 is zero, column 1 the image of something smooth, column 2 rough.
  std::vector<double> b = oracle::random_vector(n * 3, 5);
  const auto smooth =
      oracle::multiply(dense, std::vector<double>(static_cast<std::size_t>(n), 1.0));
  for (Index p = 0; p < n; ++p) {
    b[static_cast<std::size_t>(3 * p)] = 0;
    b[static_cast<std::size_t>(3 * p + 1)] = smooth[static_cast<std::size_t>(p)];
  }
  auto wanted = settings(KernelMethod::krylov);
  wanted.preconditioner = KernelPreconditioner::none;
  const KernelSolver solver(kernel.op(3, 1, 0.05), wanted);
  const auto own = own_rows(comm, b, 3);
  std::vector<double> a(own.size());
  const KrylovOutcome outcome = solver.solve(own, a, 3);
  EXPECT_TRUE(outcome.converged) << outcome.reason;
  const auto all = all_rows(comm, a, n, 3);
  const auto expected = oracle::solve(dense, oracle::Matrix(n, 3, b)).values;
  for (Index p = 0; p < n; ++p) {
    EXPECT_EQ(all[static_cast<std::size_t>(3 * p)], 0);
    EXPECT_NEAR(all[static_cast<std::size_t>(3 * p + 1)], 1, 1e-9);
  }
  EXPECT_LT(oracle::relative_error(all, expected), 1e-9);
}

TEST(KernelSolver, LogDeterminants) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  const KernelCase kernel(comm, "exp(-norm(x - y))", oracle::random_vector(140 * 3, 1), 3);
  const double alpha = 0.05;
  const double exact = oracle::log_abs_det(kernel.dense(1, alpha));
  const auto op = kernel.op(1, 1, alpha);
  const KernelSolver direct(op, settings(KernelMethod::direct));
  EXPECT_NEAR(direct.log_determinant().value, exact, 1e-9 * std::abs(exact));
  EXPECT_EQ(direct.log_determinant().standard_error, 0);
  double error = std::numeric_limits<double>::infinity();
  for (const Index rank : {0, 20, 100}) {
    auto wanted = settings(KernelMethod::krylov);
    wanted.rank = rank;
    if (rank == 0) wanted.preconditioner = KernelPreconditioner::none;
    const KernelSolver krylov(op, wanted);
    const StochasticValue value = krylov.log_determinant({60, 140, 3});
    EXPECT_GT(value.standard_error, 0);
    EXPECT_LT(value.standard_error, error);
    error = value.standard_error;
    EXPECT_NEAR(value.value, exact, 4 * value.standard_error) << "rank " << rank;
  }
  // A preconditioner that leaves little of K leaves little to guess.
  const KernelCase smooth(comm, gaussian, oracle::random_vector(140 * 2, 1), 2);
  auto wanted = settings(KernelMethod::krylov);
  wanted.rank = 80;
  const KernelSolver accurate(smooth.op(1, 1, alpha), wanted);
  const StochasticValue value = accurate.log_determinant({20, 60, 1});
  EXPECT_LT(value.standard_error, 0.01);
  EXPECT_NEAR(value.value, oracle::log_abs_det(smooth.dense(1, alpha)),
              4 * value.standard_error + 1e-8);
  EXPECT_TRUE(value.settled);
  const KernelCase indefinite(comm, "sqrt(1 + sqdist(x, y))", oracle::random_vector(60 * 2, 1), 2);
  const KernelSolver minres(indefinite.op(1, 1, 0.1), settings(KernelMethod::krylov));
  EXPECT_THROW(static_cast<void>(minres.log_determinant()), core::DataError);
}

TEST(KernelSolver, EstimatedDeterminantsSettleOrSayThatTheyHaveNot) {
  // Thousands of steps, the same on every rank; LogDeterminants has them spread.
  const auto comm = Communicator::duplicate(MPI_COMM_SELF);
  const KernelCase kernel(comm, "exp(-norm(x - y))", oracle::random_vector(150 * 2, 4), 2);
  for (const double alpha : {1e-1, 1e-4, 1e-7}) {
    const double exact = oracle::log_abs_det(kernel.dense(1, alpha));
    for (const Index rank : {0, 30}) {
      auto wanted = settings(KernelMethod::krylov);
      wanted.rank = rank;
      if (rank == 0) wanted.preconditioner = KernelPreconditioner::none;
      const KernelSolver solver(kernel.op(1, 1, alpha), wanted);
      const StochasticValue found = solver.log_determinant({30, 400, 7});
      EXPECT_TRUE(found.settled) << alpha << ", rank " << rank;
      EXPECT_NEAR(found.value, exact, 4 * found.standard_error + found.quadrature_error)
          << alpha << ", rank " << rank << ", " << found.steps << " steps";
      const StochasticValue few = solver.log_determinant({30, 5, 7});
      EXPECT_FALSE(few.settled) << alpha << ", rank " << rank;
      EXPECT_EQ(few.steps, 5);
      EXPECT_NEAR(few.value, found.value, few.quadrature_error + found.quadrature_error)
          << alpha << ", rank " << rank;
    }
  }
}

TEST(KernelSolver, ADeterminantIsExactWhereAFactorisationTakesSeconds) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  const KernelCase kernel(comm, "exp(-norm(x - y))", oracle::random_vector(150 * 2, 4), 2);
  auto wanted = settings(KernelMethod::automatic);
  wanted.determinant = true;
  const KernelSolver solver(kernel.op(1, 1, 1e-6), wanted);
  EXPECT_EQ(solver.method(), "direct");
  EXPECT_NEAR(solver.log_determinant().value, oracle::log_abs_det(kernel.dense(1, 1e-6)), 1e-8);
}

}  // namespace
}  // namespace kronwerk::operators
