// spectral_solve_benchmark N REPEATS [scaled]
// A ⊕ B with dense N x N bases after the eigendecompositions: four products of N x N matrices and a
// division, in turns with as many flops of dgemm on every rank at once. `scaled`: the way back is
// another matrix than the way there. Then what needs no vectors: the smallest and largest of 10^8
// eigenvalues and the sum of their logarithms, against one pass over 10^8 numbers.
#include <cmath>
#include <memory>
#include <numeric>
#include <string>

#include "benchmarks/cases.hpp"
#include "benchmarks/measure.hpp"
#include "kronwerk/factors/base/blas_library.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/operators/base/random.hpp"
#include "kronwerk/operators/spectral/spectral_operator.hpp"

namespace communication = kronwerk::communication;
namespace factors = kronwerk::factors;
namespace operators = kronwerk::operators;
namespace benchmarks = kronwerk::benchmarks;
using kronwerk::core::Index;

namespace {

/// Positive eigenvalues, so that every sum of them is regular.
std::vector<std::complex<double>> eigenvalues(Index extent) {
  std::vector<std::complex<double>> result;
  for (Index i = 0; i < extent; ++i) {
    result.emplace_back(1.0 + static_cast<double>(i) / static_cast<double>(extent));
  }
  return result;
}

operators::SpectralSum kronecker_sum(std::vector<factors::BasisPtr> bases) {
  operators::SpectralSum sum{std::move(bases), {}};
  for (std::size_t mode = 0; mode < sum.bases.size(); ++mode) {
    auto& term = sum.terms.emplace_back();
    term.eigenvalues.resize(sum.bases.size());
    term.eigenvalues[mode] = sum.bases[mode]->eigenvalues;
  }
  return sum;
}

factors::BasisPtr dense_basis(const communication::Communicator& comm, Index extent,
                              std::uint64_t seed, bool scaled) {
  factors::Basis basis;
  basis.kind = scaled ? factors::BasisKind::scaled : factors::BasisKind::symmetric;
  basis.extent = extent;
  // About orthonormal, so that nothing overflows.
  const double deviation = 1 / std::sqrt(static_cast<double>(extent));
  const auto vectors = benchmarks::random_dense(comm, extent, extent, seed, deviation);
  basis.to_basis = {
      {scaled ? benchmarks::random_dense(comm, extent, extent, seed + 1, deviation) : vectors,
       !scaled, false}};
  basis.from_basis = {{vectors, false, false}};
  basis.eigenvalues = eigenvalues(extent);
  return std::make_shared<const factors::Basis>(basis);
}

void measure_solve(const communication::Communicator& comm, Index extent, int repeats,
                   bool scaled) {
  const auto sum =
      kronecker_sum({dense_basis(comm, extent, 1, scaled), dense_basis(comm, extent, 3, scaled)});
  const auto inverse =
      operators::make_spectral_inverse(comm, std::make_shared<operators::Workspace>(comm), sum);
  const auto& layout = inverse->input_layout();
  std::vector<double> b(static_cast<std::size_t>(layout.home_size(comm.rank())));
  std::vector<double> x(b.size());
  operators::fill_random(operators::RandomKind::normal, 7, layout.home_begin(comm.rank()), b);
  const int edge = kronwerk::core::narrow<int>(extent);
  benchmarks::ConcurrentGemm gemm((edge + comm.size() - 1) / comm.size(), edge, edge);
  const auto times = benchmarks::medians_in_turns(comm, repeats,
                                                  {[&] { inverse->apply(b, x); },
                                                   [&] {
                                                     for (int product = 0; product < 4; ++product)
                                                       gemm();
                                                   }});
  benchmarks::report(comm, "solve_seconds", times[0]);
  benchmarks::report(comm, "four_gemms_seconds", times[1]);
  benchmarks::report(comm, "solve_per_gemms", times[0] / times[1]);
  benchmarks::report(comm, "gemm_gflops", comm.size() * 4 * gemm.flops() / times[1] * 1e-9);
  if (comm.is_root()) std::printf("blas_core %s\n", kronwerk::factors::find_blas().core.c_str());
}

void measure_scalars(const communication::Communicator& comm, int repeats) {
  constexpr Index extent = 10'000;
  factors::Basis basis;
  basis.extent = extent;
  basis.eigenvalues = eigenvalues(extent);
  const auto shared = std::make_shared<const factors::Basis>(basis);
  const auto sum = kronecker_sum({shared, shared});
  const std::vector<double> numbers(static_cast<std::size_t>(extent * extent / comm.size()), 1.0);
  volatile double sink = 0;
  const auto times = benchmarks::medians_in_turns(
      comm, repeats,
      {[&] { sink = operators::spectral_range(comm, sum).smallest; },
       [&] { sink = operators::spectral_determinant(comm, sum).log_abs; },
       [&] {
         // Eight sums at once, so that the memory is the limit.
         double sums[8] = {};
         for (std::size_t i = 0; i + 8 <= numbers.size(); i += 8) {
           for (std::size_t lane = 0; lane < 8; ++lane) sums[lane] += numbers[i + lane];
         }
         sink = std::accumulate(sums, sums + 8, 0.0);
       }});
  static_cast<void>(sink);
  benchmarks::report(comm, "range_seconds", times[0]);
  benchmarks::report(comm, "logdet_seconds", times[1]);
  benchmarks::report(comm, "read_seconds", times[2]);
}

}  // namespace

int main(int argc, char** argv) {
  return benchmarks::run_program(
      argc, argv, 2, "spectral_solve_benchmark N REPEATS [scaled]",
      [](const benchmarks::Arguments& arguments) {
        const auto comm = communication::Communicator::duplicate(PETSC_COMM_WORLD);
        const int repeats = arguments.times(2);
        measure_solve(comm, arguments.index(1), repeats, arguments.says(3, "scaled"));
        measure_scalars(comm, repeats);
      });
}
