// A Gaussian field over a grid of n x n points of the unit square with missing cells: K = K_1 ⊗ K_2
// + 0.01 I with Matérn 3/2 kernels, a tenth of the cells missing at random.
//
// Usage: missing_benchmark N [dense]   conditional means and log|K_oo|; with `dense` also the
//                                      Cholesky factorisation of K_oo by LAPACK with as many
//                                      threads as ranks: n up to about 90
#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include "benchmarks/measure.hpp"
#include "factors/base/lapack.hpp"
#include "kronwerk/factors/base/blas_library.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/models/missing/missing.hpp"
#include "kronwerk/operators/base/random.hpp"

namespace {

using namespace kronwerk;
using namespace kronwerk::benchmarks;
using models::Covariance;
using operators::ScaledProduct;

constexpr double sigma = 0.1;

double matern(double d, double l) {
  const double r = std::sqrt(3.0) * d / l;
  return (1 + r) * std::exp(-r);
}

std::vector<double> kernel_values(Index n, double l) {
  std::vector<double> values(static_cast<std::size_t>(n * n));
  for (Index i = 0; i < n * n; ++i) {
    const double d = std::abs(static_cast<double>(i / n - i % n)) / static_cast<double>(n);
    values[static_cast<std::size_t>(i)] = matern(d, l);
  }
  return values;
}

factors::Chain kernel(Index n, double l) {
  const auto values = kernel_values(n, l);
  return {factors::Link{
      factors::make_dense("K", {n, n, communication::SharedArray<double>::from_private(values)})}};
}

/// The covariance of the observed cells, formed and factorised on rank 0.
double dense_seconds(const communication::Communicator& comm, Index n,
                     const std::vector<Index>& missing) {
  const auto first = kernel_values(n, 0.3);
  const auto second = kernel_values(n, 0.2);
  std::vector<Index> observed;
  for (Index cell = 0; cell < n * n; ++cell) {
    if (!std::ranges::binary_search(missing, cell)) observed.push_back(cell);
  }
  const std::size_t m = observed.size();
  double result = 0;
  std::vector<double> matrix;
  if (comm.is_root()) {
    matrix.resize(m * m);
    for (std::size_t i = 0; i < m; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        const Index a = observed[i];
        const Index b = observed[j];
        matrix[i * m + j] = first[static_cast<std::size_t>(a / n * n + b / n)] *
                                second[static_cast<std::size_t>(a % n * n + b % n)] +
                            (i == j ? sigma * sigma : 0);
      }
    }
    kronwerk::factors::set_blas_threads(comm.size());
    const int order = static_cast<int>(m);
    int info = 0;
    const double start = MPI_Wtime();
    dpotrf_("U", &order, matrix.data(), &order, &info, 1);
    result = MPI_Wtime() - start;
    kronwerk::factors::set_blas_threads(1);
  }
  return comm.max(result);
}

void run(Index n, bool dense) {
  const auto comm = communication::Communicator::duplicate(MPI_COMM_WORLD);
  auto workspace = std::make_shared<operators::Workspace>(comm);
  models::CovarianceTerms terms;
  terms.signal.push_back({1, {kernel(n, 0.3), kernel(n, 0.2)}});
  const factors::Chain identity{factors::Link{factors::make_identity(n)}};
  terms.noise = ScaledProduct{sigma * sigma, {identity, identity}};
  const Covariance covariance(comm, workspace, std::move(terms));
  const auto layout = covariance.layout();
  const auto local = static_cast<std::size_t>(layout.home_size(comm.rank()));
  std::vector<double> uniform(local);
  operators::fill_random(operators::RandomKind::uniform, 1, layout.home_begin(comm.rank()),
                         uniform);
  std::vector<char> missing;
  for (const double each : uniform) missing.push_back(each < 0.1 ? 1 : 0);
  const models::CellMask mask(comm, layout, std::move(missing));
  // A draw of the field and its noise.
  std::vector<double> field(local), weights(local, 1.0), y(local);
  operators::fill_random(operators::RandomKind::normal, 2, layout.home_begin(comm.rank()), y);
  covariance.divide(1, weights);
  for (std::size_t i = 0; i < local; ++i) y[i] *= std::sqrt(weights[i]);
  covariance.from_basis()->apply(y, field);
  covariance.forward()->apply(field, y);

  models::MissingSettings settings;
  settings.tolerance = 1e-8;
  report(comm, "missing", static_cast<double>(mask.missing()));
  std::vector<double> solve_times, logdet_times;
  for (int repeat = 0; repeat < 3; ++repeat) {
    models::MissingCells cells(covariance, mask, settings);
    models::MissingCells::Completion outcome;
    std::vector<double> completed = y;
    solve_times.push_back(seconds(comm, [&] { outcome = cells.complete(1, completed); }));
    operators::StochasticValue determinant;
    logdet_times.push_back(seconds(comm, [&] { determinant = cells.log_determinant(); }));
    if (repeat > 0) continue;
    report(comm, "iterations", static_cast<double>(outcome.iterations));
    report(comm, "logdet", covariance.log_determinant() + determinant.value);
    report(comm, "logdet_error", determinant.standard_error);
  }
  report(comm, "solve_seconds", median(solve_times));
  report(comm, "logdet_seconds", median(logdet_times));
  if (dense) report(comm, "dense_seconds", dense_seconds(comm, n, mask.positions()));
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(
      argc, argv, 0, "missing_benchmark [N [dense]]",
      [](const Arguments& arguments) { run(arguments.index(1, 300), arguments.says(2, "dense")); });
}
