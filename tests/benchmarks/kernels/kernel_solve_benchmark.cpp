// (K + alpha I) a = b for the Gaussian kernel exp(-|x - y|²) over standard normal points in three
// dimensions, against one product with K, and against a dense Cholesky factorisation by all ranks.
// Arguments: points (10,000), 1 to run the dense peer too (default).
#include <cstdlib>

#include "benchmarks/measure.hpp"
#include "kronwerk/operators/base/random.hpp"
#include "kronwerk/operators/kernel_matrices/kernel_solver.hpp"
#include "kronwerk/operators/products/kronecker_product.hpp"

namespace kronwerk {
namespace {

using benchmarks::Index;
using communication::Communicator;

constexpr double alpha = 0.1;

operators::DistributedKernel gaussian(const Communicator& comm, Index points) {
  std::vector<double> values(static_cast<std::size_t>(points * 3));
  operators::fill_random(operators::RandomKind::normal, 1, 0, values);
  kernels::Symbols symbols;
  symbols.variables["x"] = {3, kernels::axis_i};
  symbols.variables["y"] = {3, kernels::axis_j};
  kernels::Side rows;
  rows.count = points;
  kernels::Side columns = rows;
  rows.variables["x"] = kernels::to_cloud(values, points, 3);
  columns.variables["y"] = rows.variables["x"];
  return {kernels::analyse("exp(-sqdist(x, y))", symbols, "benchmark"),
          {},
          kernels::distribute(comm, rows),
          kernels::distribute(comm, columns)};
}

struct Run {
  double prepare = 0;
  double solve = 0;
  double iterations = 0;
  double residual = 0;
};

Run run(const Communicator& comm, const std::shared_ptr<const operators::KernelOperator>& op,
        operators::KernelMethod method, double size, Index width) {
  operators::KernelSolverSettings settings;
  settings.method = method;
  settings.tolerance = 1e-6;
  settings.columns = width;
  settings.memory = 8e9;
  const Index rows = op->matrix().rows.local.count;
  std::vector<double> b(static_cast<std::size_t>(rows * width));
  operators::fill_random(operators::RandomKind::normal, 7, op->matrix().rows.local.first * width,
                         b);
  for (double& each : b) each *= size;
  std::vector<double> a(b.size());
  Run result;
  std::unique_ptr<operators::KernelSolver> solver;
  result.prepare = benchmarks::seconds(
      comm, [&] { solver = std::make_unique<operators::KernelSolver>(op, settings); });
  operators::KrylovOutcome outcome;
  result.solve = benchmarks::seconds(comm, [&] { outcome = solver->solve(b, a, width); });
  result.iterations = static_cast<double>(outcome.iterations);
  for (const double each : outcome.residuals) result.residual = std::max(result.residual, each);
  if (comm.is_root()) std::printf("# %s: %s\n", solver->method().c_str(), solver->why().c_str());
  if (!outcome.converged && comm.is_root()) std::printf("# %s\n", outcome.reason.c_str());
  return result;
}

void report(const Communicator& comm, const std::string& name, const Run& run) {
  benchmarks::report(comm, (name + "_prepare_seconds").c_str(), run.prepare);
  benchmarks::report(comm, (name + "_solve_seconds").c_str(), run.solve);
  benchmarks::report(comm, (name + "_seconds").c_str(), run.prepare + run.solve);
  benchmarks::report(comm, (name + "_iterations").c_str(), run.iterations);
  benchmarks::report(comm, (name + "_residual").c_str(), run.residual);
}

void body(Index points, bool dense) {
  const auto comm = Communicator::duplicate(MPI_COMM_WORLD);
  const auto op =
      std::make_shared<operators::KernelOperator>(comm, gaussian(comm, points), 1, 1.0, alpha);
  std::vector<double> v(static_cast<std::size_t>(op->matrix().rows.local.count), 1.0);
  std::vector<double> out(v.size());
  const double product =
      benchmarks::medians_in_turns(comm, 3, {[&] { op->multiply(v, out, 1); }})[0];
  using operators::KernelMethod;
  benchmarks::report(comm, "ranks", comm.size());
  benchmarks::report(comm, "points", static_cast<double>(points));
  benchmarks::report(comm, "product_seconds", product);
  benchmarks::report(comm, "product_estimated_seconds", op->estimated_seconds(1));
  const Run krylov = run(comm, op, KernelMethod::krylov, 1, 1);
  report(comm, "solve", krylov);
  report(comm, "solve_small_b", run(comm, op, KernelMethod::krylov, 1e-7, 1));
  report(comm, "solve_16", run(comm, op, KernelMethod::krylov, 1, 16));
  if (!dense) return;
  const Run direct = run(comm, op, KernelMethod::direct, 1, 1);
  report(comm, "dense", direct);
  benchmarks::report(comm, "dense_over_solve",
                     (direct.prepare + direct.solve) / (krylov.prepare + krylov.solve));
}

}  // namespace
}  // namespace kronwerk

int main(int argc, char** argv) {
  return kronwerk::benchmarks::run_program(argc, argv, 0, "kernel_solve_benchmark [POINTS [DENSE]]",
                                           [](const kronwerk::benchmarks::Arguments& arguments) {
                                             kronwerk::body(arguments.index(1, 10'000),
                                                            arguments.index(2, 1) != 0);
                                           });
}
