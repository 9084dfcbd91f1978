// BLAS 3 and symmetric eigenproblems, n³ operations counted for each of the latter.
#include <cblas.h>

#include <cmath>

#include "application/measure/measure.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/factors/spectra/bases.hpp"

namespace kronwerk::application {
namespace {

using communication::SharedArray;
using core::Index;

std::vector<double> covariance(Index n) {
  std::vector<double> values;
  values.reserve(static_cast<std::size_t>(n * n));
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j) {
      values.push_back(std::exp(-0.01 * std::abs(static_cast<double>(i - j))));
    }
  }
  return values;
}

void decompose(const communication::Communicator& comm, Index n, const std::vector<double>& values,
               bool eigenvalues_only) {
  const auto matrix = factors::make_dense("A", {n, n, SharedArray<double>::from_private(values)});
  const factors::BasisRequest request{.matrix = {{matrix}}, .eigenvalues_only = eigenvalues_only};
  static_cast<void>(factors::find_bases(comm, {{request}}));
}

double cube(Index n) {
  return 1e-9 * static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n);
}

}  // namespace

void measure_decompositions(const Bench& bench, configuration::Machine& machine) {
  for (const Index n : {64, 256, 1024}) {
    const std::vector<double> a = covariance(n);
    std::vector<double> c(a.size());
    const int size = core::narrow<int>(n);
    bench.add(machine.dgemm, static_cast<double>(n), 2 * cube(n), [&] {
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, size, size, size, 1.0, a.data(), size,
                  a.data(), size, 0.0, c.data(), size);
    });
    if (n < 256) continue;
    for (const bool only : {false, true}) {
      bench.add(only ? machine.eigenvalues : machine.eigenvectors, static_cast<double>(n), cube(n),
                [&] { decompose(bench.self(), n, a, only); });
    }
  }
  // From some extent on, ranks share one matrix.
  constexpr Index shared = 1600;
  const std::vector<double> a = covariance(shared);
  for (const bool only : {false, true}) {
    const double seconds =
        Bench::time_together(bench.comm(), [&] { decompose(bench.comm(), shared, a, only); });
    const double rate = cube(shared) / seconds;
    (only ? machine.eigenvalues_together : machine.eigenvectors_together) = {
        {double{shared}}, {rate}, {rate}};
  }
}

}  // namespace kronwerk::application
