// schur_benchmark EXTENT REPEATS
// One solve with the four-term flow operator whose modes have Schur forms, after set-up, beside
// dgemms of the same size: half of the eigenvalues come in complex pairs.
#include <algorithm>
#include <cmath>
#include <memory>
#include <random>

#include "benchmarks/measure.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/operators/schur/schur.hpp"

namespace communication = kronwerk::communication;
namespace factors = kronwerk::factors;
namespace operators = kronwerk::operators;
namespace benchmarks = kronwerk::benchmarks;
using kronwerk::core::Index;

namespace {

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

factors::FactorPtr make_factor(const char* name, Index extent, const std::vector<double>& values) {
  return factors::make_dense(
      name, {extent, extent, communication::SharedArray<double>::from_private(values)});
}

/// A T of spectral radius about one in every second pair of rows with a 2 x 2 block; the vectors
/// need not be orthogonal for the time to be right.
factors::BasisPtr make_basis(Index extent) {
  std::mt19937_64 engine(5);
  std::uniform_real_distribution<double> uniform(-1, 1);
  const double scale = 1 / std::sqrt(static_cast<double>(extent));
  std::vector<double> triangular(at(extent * extent), 0.0);
  std::vector<double> vectors(triangular);
  auto basis = std::make_shared<factors::Basis>();
  basis->kind = factors::BasisKind::schur;
  basis->extent = extent;
  for (double& value : vectors) value = scale * uniform(engine);
  for (Index i = 0; i < extent; ++i) {
    for (Index j = i; j < extent; ++j) triangular[at(i * extent + j)] = scale * uniform(engine);
    basis->eigenvalues.emplace_back(triangular[at(i * extent + i)], 0.0);
  }
  for (Index i = 0; i + 1 < extent; i += 4) {
    triangular[at((i + 1) * extent + i + 1)] = triangular[at(i * extent + i)];
    triangular[at(i * extent + i + 1)] = 0.4;
    triangular[at((i + 1) * extent + i)] = -0.2;
    const double imaginary = std::sqrt(0.08);
    const double real = triangular[at(i * extent + i)];
    basis->eigenvalues[at(i)] = {real, imaginary};
    basis->eigenvalues[at(i + 1)] = {real, -imaginary};
  }
  basis->triangular = make_factor("T", extent, triangular);
  basis->from_basis = {{make_factor("Q", extent, vectors), false, false}};
  basis->to_basis = {{basis->from_basis[0].factor, true, false}};
  return basis;
}

void measure(Index extent, int repeats) {
  const auto comm = communication::Communicator::duplicate(MPI_COMM_WORLD);
  const auto workspace = std::make_shared<operators::Workspace>(comm);
  const auto basis = make_basis(extent);
  const operators::SchurSum sum{{basis, basis},
                                {{1.0, {nullptr, nullptr}},
                                 {-0.3, {basis->triangular, nullptr}},
                                 {-0.2, {nullptr, basis->triangular}},
                                 {-0.1, {basis->triangular, basis->triangular}}}};
  operators::OperatorPtr op;
  benchmarks::report(comm, "setup_seconds", benchmarks::seconds(comm, [&] {
                       op = operators::make_schur_inverse(comm, workspace, sum);
                     }));
  const auto size = at(op->input_layout().home_size(comm.rank()));
  const std::vector<double> rhs(size, 1.0);
  std::vector<double> solution(size);
  // All ranks share one dgemm of the extent: the columns are split.
  const int n = static_cast<int>(extent);
  benchmarks::ConcurrentGemm gemm(n, std::max(1, n / comm.size()), n);
  const auto times =
      benchmarks::medians_in_turns(comm, repeats,
                                   {[&] { op->apply(rhs, solution); },
                                    [&] { op->apply_transposed(rhs, solution); }, [&] { gemm(); }});
  benchmarks::report(comm, "extent", static_cast<double>(extent));
  benchmarks::report(comm, "solve_seconds", times[0]);
  benchmarks::report(comm, "transposed_seconds", times[1]);
  benchmarks::report(comm, "gemm_seconds", times[2]);
  benchmarks::report(comm, "dgemms", times[0] / times[2]);
}

}  // namespace

int main(int argc, char** argv) {
  return benchmarks::run_program(argc, argv, 0, "schur_benchmark [N [REPEATS]]",
                                 [](const benchmarks::Arguments& arguments) {
                                   measure(arguments.index(1, 144), arguments.times(2, 21));
                                 });
}
