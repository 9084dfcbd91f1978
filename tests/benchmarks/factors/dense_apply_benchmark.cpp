// Dense Kronecker products on one core against dgemm (n = 2000) in the same run. Flops are counted
// as 2 N Σ n_k, whatever is really computed. Usage: dense_apply_benchmark [repetitions]
#include <cblas.h>
#include <mpi.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "factors/dense/dense_simd.hpp"
#include "kronwerk/factors/base/blas_library.hpp"
#include "kronwerk/factors/base/chain.hpp"
#include "kronwerk/factors/base/make.hpp"

namespace {

using kronwerk::core::Index;
using namespace kronwerk::factors;

// Processor time: everything here is one thread that never waits, and what else runs on the machine
// should not count.
double seconds_now() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

template <typename Work>
double best_seconds(int repetitions, const Work& work) {
  work();  // first touch, packing buffers
  double best = 1e300;
  for (int i = 0; i < repetitions; ++i) {
    const double start = seconds_now();
    work();
    best = std::min(best, seconds_now() - start);
  }
  return best;
}

std::vector<double> numbers(Index count) {
  std::vector<double> result(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < result.size(); ++i) {
    result[i] = std::sin(static_cast<double>(i % 10007)) / 16.0;
  }
  return result;
}

Chain dense_chain(Index n) {
  kronwerk::communication::SharedDense matrix;
  matrix.rows = matrix.cols = n;
  matrix.values = kronwerk::communication::SharedArray<double>::from_private(numbers(n * n));
  return {Link{make_dense("A", std::move(matrix))}};
}

double dgemm_rate(int repetitions) {
  constexpr int n = 2000;
  const auto a = numbers(Index{n} * n);
  const auto b = a;
  auto c = a;
  const double seconds = best_seconds(repetitions, [&] {
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1.0, a.data(), n, b.data(), n,
                0.0, c.data(), n);
  });
  return 2.0 * n * n * n / seconds;
}

struct Case {
  const char* name;
  std::vector<Index> extents;
  Index left;
  Index right;
  int split;  // as in an operator: the modes from here on are applied first, then those before it
  double target;
};

// Pieces of about this many doubles, as an operator hands them over.
constexpr Index piece_size = Index{1} << 21;

void apply_in_pieces(const LocalProduct& product, ConstView x, View y) {
  const Index preferred = product.preferred_fibres();
  const Index fibres =
      std::max(preferred, piece_size / std::max<Index>(1, x.extent) / preferred * preferred);
  const bool by_left = x.right == 1;
  const Index count = by_left ? x.left : x.right;
  for (Index first = 0; first < count; first += fibres) {
    const Index width = std::min(fibres, count - first);
    ConstView from = x;
    View to = y;
    (by_left ? from.left : from.right) = width;
    (by_left ? to.left : to.right) = width;
    from.data += by_left ? first * x.left_stride : first;
    to.data += by_left ? first * y.left_stride : first;
    product.apply(from, to);
  }
}

void measure(const Case& work, double peak, int repetitions) {
  Index size = work.left * work.right;
  Index trailing = 1;
  double flops = 0;
  for (std::size_t k = 0; k < work.extents.size(); ++k) {
    size *= work.extents[k];
    flops += 2.0 * static_cast<double>(work.extents[k]);
    if (static_cast<int>(k) >= work.split) trailing *= work.extents[k];
  }
  flops *= static_cast<double>(size);
  const auto x = numbers(size);
  std::vector<double> y(x.size());
  std::vector<double> z(work.split > 0 ? x.size() : 0);
  std::vector<Chain> first;
  std::vector<Chain> second;
  for (std::size_t k = 0; k < work.extents.size(); ++k) {
    (static_cast<int>(k) < work.split ? second : first).push_back(dense_chain(work.extents[k]));
  }
  const LocalProduct home(first);
  const LocalProduct away(second);
  const Index lead = size / (work.left * work.right * trailing);
  const double seconds = best_seconds(repetitions, [&] {
    apply_in_pieces(home, ConstView::contiguous(x.data(), work.left * lead, trailing, work.right),
                    View::contiguous(y.data(), work.left * lead, trailing, work.right));
    if (work.split > 0) {
      apply_in_pieces(away, ConstView::contiguous(y.data(), work.left, lead, trailing),
                      View::contiguous(z.data(), work.left, lead, trailing));
    }
  });
  const double ratio = flops / seconds / peak;
  std::printf("%-44s %9.4f s %7.1f GFLOP/s %6.1f %%  target %4.0f %%  %s\n", work.name, seconds,
              flops / seconds / 1e9, 100 * ratio, 100 * work.target,
              ratio >= work.target ? "ok" : "below target");
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  kronwerk::factors::set_blas_threads(1);
  const int repetitions = argc > 1 ? std::max(1, std::atoi(argv[1])) : 3;
  const double peak = dgemm_rate(repetitions);
  std::printf("dgemm n = 2000: %.1f GFLOP/s; BLAS core %s, kernels %s\n", peak / 1e9,
              kronwerk::factors::find_blas().core.c_str(), dense_target());
  const std::vector<Case> cases = {
      {"128^3, batch 16", {128, 128, 128}, 16, 1, 0, 0.80},
      {"8^6, batch 64", {8, 8, 8, 8, 8, 8}, 64, 1, 0, 0.30},
      {"8^8, one piece", std::vector<Index>(8, 8), 1, 1, 0, 0.25},
      {"8^8, four modes and four modes", std::vector<Index>(8, 8), 1, 1, 4, 0.25},
      {"4^11, one piece", std::vector<Index>(11, 4), 1, 1, 0, 0.13},
      {"4^11, five modes and six modes", std::vector<Index>(11, 4), 1, 1, 5, 0.13},
      {"n = 4000, trailing (left 2000, right 1)", {4000}, 2000, 1, 0, 0.90},
      {"n = 4000, leading (left 1, right 2000)", {4000}, 1, 2000, 0, 0.90},
      {"n = 4000 and 4000, batch 1", {4000, 4000}, 1, 1, 1, 0.90},
  };
  for (const Case& work : cases) measure(work, peak, repetitions);
  MPI_Finalize();
  return 0;
}
