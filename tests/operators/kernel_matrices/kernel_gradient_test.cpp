#include <functional>

#include "kronwerk/operators/kernel_matrices/kernel_solver.hpp"
#include "operators/kernel_matrices/kernel_fixture.hpp"

namespace kronwerk::operators {
namespace {

using communication::Communicator;

constexpr Index points = 24;
constexpr int dimension = 2;
constexpr const char* gaussian = "s*exp(-sqdist(x, y)/(2*l^2))";
constexpr const char* asymmetric = "s*exp(-sqdist(x, y)/(2*l^2)) * (2 + sum(x))";
const std::vector<std::string> names{"s", "l", "x", "y"};

/// What a system depends on.
struct System {
  std::string formula;
  std::map<std::string, double> parameters{{"s", 1.3}, {"l", 0.8}};
  std::vector<double> x = oracle::random_vector(points * dimension, 1);
  std::vector<double> y = x;
  double alpha = 0.4;
  std::vector<double> b{};

  KernelCase kernel(const Communicator& comm) const {
    return {comm, formula, x, y, dimension, parameters};
  }
  oracle::Matrix dense(const Communicator& comm) const { return kernel(comm).dense(1.5, alpha); }
};

double difference(const System& system, const std::function<void(System&, double)>& move,
                  const std::function<double(const System&)>& value) {
  constexpr double step = 1e-5;
  System up = system;
  System down = system;
  move(up, step);
  move(down, -step);
  return (value(up) - value(down)) / (2 * step);
}

void expect_near(double value, double expected, const std::string& what) {
  EXPECT_NEAR(value, expected, 2e-7 * (1 + std::abs(expected))) << what;
}

void expect_gradient(const Communicator& comm, const System& system,
                     const kernels::ReduceGradient& found, double alpha,
                     const std::function<double(const System&)>& value) {
  for (const char* name : {"s", "l"}) {
    expect_near(found.parameters.at(name),
                difference(
                    system, [&](System& s, double h) { s.parameters[name] += h; }, value),
                name);
  }
  expect_near(alpha,
              difference(
                  system, [](System& s, double h) { s.alpha += h; }, value),
              "alpha");
  const auto by_x = all_rows(comm, found.rows.at("x"), points, dimension);
  const auto by_y = all_rows(comm, found.columns.at("y"), points, dimension);
  for (const std::size_t at : {0U, 13U, 47U}) {
    expect_near(by_x[at],
                difference(
                    system, [&](System& s, double h) { s.x[at] += h; }, value),
                "x");
    expect_near(by_y[at],
                difference(
                    system, [&](System& s, double h) { s.y[at] += h; }, value),
                "y");
  }
}

KernelSolver solver(const Communicator& comm, const System& system, KernelMethod method) {
  KernelSolverSettings settings;
  settings.method = method;
  settings.tolerance = 1e-12;
  return {system.kernel(comm).op(1, 1.5, system.alpha), settings};
}

TEST(KernelGradient, OfSolvesAgreesWithDifferences) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  constexpr Index width = 3;
  const auto weight = oracle::random_vector(points * width, 8);
  for (const char* formula : {gaussian, asymmetric}) {
    System system{formula};
    system.b = oracle::random_vector(points * width, 5);
    const auto value = [&](const System& at) {
      const auto a = oracle::solve(at.dense(comm), oracle::Matrix(points, width, at.b)).values;
      double sum = 0;
      for (std::size_t i = 0; i < a.size(); ++i) sum += weight[i] * a[i];
      return sum;
    };
    for (const KernelMethod method : {KernelMethod::krylov, KernelMethod::direct}) {
      const KernelSolver solve = solver(comm, system, method);
      const auto b = own_rows(comm, system.b, width);
      std::vector<double> a(b.size());
      ASSERT_TRUE(solve.solve(b, a, width).converged);
      const KernelSolveGradient found =
          solve.solve_gradient(a, own_rows(comm, weight, width), width, names);
      EXPECT_TRUE(found.outcome.converged);
      expect_gradient(comm, system, found.kernel, found.alpha, value);
      const auto by_b = all_rows(comm, found.right_hand_side, points, width);
      for (const std::size_t at : {0U, 35U, 71U}) {
        expect_near(by_b[at],
                    difference(
                        system, [&](System& s, double h) { s.b[at] += h; }, value),
                    "b");
      }
    }
  }
}

TEST(KernelGradient, OfLogDeterminantsIsExactWithADenseFactorisation) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  const System system{gaussian};
  const KernelLogDeterminantGradient found =
      solver(comm, system, KernelMethod::direct).log_determinant_gradient(names);
  expect_gradient(comm, system, found.kernel, found.alpha,
                  [&](const System& at) { return oracle::log_abs_det(at.dense(comm)); });
  EXPECT_EQ(found.standard_errors.at("l"), 0);
}

TEST(KernelGradient, OfLogDeterminantsIsEstimatedWithItsError) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  const System system{gaussian};
  const auto exact = solver(comm, system, KernelMethod::direct).log_determinant_gradient(names);
  for (const auto preconditioner :
       {KernelPreconditioner::none, KernelPreconditioner::pivoted_cholesky}) {
    KernelSolverSettings settings;
    settings.method = KernelMethod::krylov;
    settings.tolerance = 1e-12;
    settings.preconditioner = preconditioner;
    settings.rank = 8;
    const KernelSolver krylov(system.kernel(comm).op(1, 1.5, system.alpha), settings);
    const auto found = krylov.log_determinant_gradient(names, {400, 60, 2});
    for (const char* name : {"s", "l"}) {
      const double error = found.standard_errors.at(name);
      EXPECT_GT(error, 0);
      EXPECT_LT(error, 0.2 * (1 + std::abs(exact.kernel.parameters.at(name)))) << name;
      EXPECT_NEAR(found.kernel.parameters.at(name), exact.kernel.parameters.at(name), 4 * error)
          << name;
    }
    EXPECT_NEAR(found.alpha, exact.alpha, 4 * found.alpha_error);
    // Single points' derivatives are small and drown in the noise without a preconditioner.
    if (preconditioner == KernelPreconditioner::none) continue;
    const auto by_x = all_rows(comm, found.kernel.rows.at("x"), points, dimension);
    const auto expected = all_rows(comm, exact.kernel.rows.at("x"), points, dimension);
    EXPECT_LT(oracle::relative_error(by_x, expected), 0.5);
  }
}

}  // namespace
}  // namespace kronwerk::operators
