// Decompositions by all ranks against LAPACK on one rank in the same run: symmetric eigenvectors
// (dsyevd) of one matrix, of two one after the other and side by side; and one LU.
//
// Usage: eigen_benchmark N [repeats]
#include <cstdlib>
#include <random>

#include "benchmarks/measure.hpp"
#include "factors/dense/dense_distributed.hpp"
#include "factors/dense/dense_factorisation.hpp"
#include "factors/spectra/basis_plan.hpp"
#include "factors/spectra/eigen_local.hpp"
#include "kronwerk/factors/base/blas_library.hpp"
#include "kronwerk/factors/base/make.hpp"

namespace {

using namespace kronwerk;
using namespace kronwerk::benchmarks;

std::vector<double> random_symmetric(Index n, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  std::vector<double> values(static_cast<std::size_t>(n * n));
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j <= i; ++j) {
      const double value = normal(random);
      values[static_cast<std::size_t>(i * n + j)] = value;
      values[static_cast<std::size_t>(j * n + i)] = value;
    }
  }
  return values;
}

factors::FactorPtr shared_factor(const communication::Communicator& comm, Index n, unsigned seed) {
  communication::SharedDense dense;
  dense.rows = dense.cols = n;
  dense.values = communication::SharedArray<double>(comm, n * n);
  if (comm.node().is_root()) {
    const std::vector<double> values = random_symmetric(n, seed);
    std::copy(values.begin(), values.end(), dense.values.mutable_span().begin());
  }
  dense.values.publish();
  return factors::make_dense("A" + std::to_string(seed), std::move(dense));
}

// Other ranks wait for a message and leave their core alone.
double one_rank_seconds(const communication::Communicator& comm, Index n) {
  double result = 0;
  comm.barrier();
  if (comm.is_root()) {
    std::vector<double> matrix = random_symmetric(n, 1);
    const double start = MPI_Wtime();
    factors::symmetric_eigen(n, matrix.data(), "A");
    result = MPI_Wtime() - start;
  }
  return comm.max(result);
}

double one_rank_lu_seconds(const communication::Communicator& comm,
                           const factors::DenseFactor& factor) {
  double result = 0;
  comm.barrier();
  if (comm.is_root()) {
    const auto lu = factors::begin_dense_factorisation(factor, factor.view());
    const auto memory = communication::SharedBytes::private_memory(lu->bytes());
    const double start = MPI_Wtime();
    lu->store(memory.data());
    result = MPI_Wtime() - start;
  }
  return comm.max(result);
}

void measure_lu(Index n, int repeats) {
  const auto comm = communication::Communicator::duplicate(MPI_COMM_WORLD);
  const factors::FactorPtr factor = shared_factor(comm, n, 3);
  const auto& dense = static_cast<const factors::DenseFactor&>(*factor);
  std::vector<double> one, all;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    one.push_back(one_rank_lu_seconds(comm, dense));
    all.push_back(seconds(comm, [&] { factors::factorise_distributed(comm, dense); }));
  }
  report(comm, "lu_lapack_seconds", median(one));
  report(comm, "lu_seconds", median(all));
  report(comm, "lu_speedup", median(one) / median(all));
}

void measure(Index n, int repeats) {
  const auto comm = communication::Communicator::duplicate(MPI_COMM_WORLD);
  const std::vector<factors::BasisRequest> two{{{factors::Link{shared_factor(comm, n, 1)}}},
                                               {{factors::Link{shared_factor(comm, n, 2)}}}};
  const auto bases = [&](std::size_t count, const factors::SpectrumLimits& limits) {
    return seconds(comm, [&] { factors::find_bases(comm, std::span(two).first(count), limits); });
  };
  const factors::SpectrumLimits together{.symmetric = 100, .distributed_efficiency = 1e6};
  const factors::SpectrumLimits side_by_side{.symmetric = n + 1};
  std::vector<std::vector<double>> times(4);
  for (int repeat = 0; repeat < repeats; ++repeat) {
    times[0].push_back(one_rank_seconds(comm, n));
    times[1].push_back(bases(1, together));
    times[2].push_back(bases(2, together));
    times[3].push_back(bases(2, side_by_side));
  }
  const double lapack = median(times[0]);
  report(comm, "n", static_cast<double>(n));
  report(comm, "lapack_seconds", lapack);
  report(comm, "one_seconds", median(times[1]));
  report(comm, "one_speedup", lapack / median(times[1]));
  report(comm, "two_together_seconds", median(times[2]));
  report(comm, "two_together_speedup", 2 * lapack / median(times[2]));
  report(comm, "two_side_by_side_seconds", median(times[3]));
  report(comm, "two_side_by_side_speedup", 2 * lapack / median(times[3]));
  if (comm.is_root()) std::printf("blas_core %s\n", kronwerk::factors::find_blas().core.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  return run_program(argc, argv, 0, "eigen_benchmark [N [REPEATS]]",
                     [](const Arguments& arguments) {
                       const Index n = arguments.index(1, 3000);
                       const int repeats = arguments.times(2, 3);
                       measure(n, repeats);
                       measure_lu(n, repeats);
                     });
}
