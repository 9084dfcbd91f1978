// The solve with I - rho*W along one mode of an n x n block, on one core, against dgemm in the same
// run. Flops are counted as 2 nnz(L+D+U) n, without the zeros that are stored for the sake of
// blocks.
//
// Usage: sparse_solve_benchmark FILE.gal | N [rho]
// FILE.gal: a neighbour list (row-normalised); N: the 6 nearest neighbours of N random points.
#include <cblas.h>
#include <mpi.h>
#include <time.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "factors/sparse/sparse_decomposition.hpp"
#include "factors/sparse/sparse_factor.hpp"
#include "factors/sparse/sparse_panel.hpp"
#include "factors/triangular/triangular.hpp"
#include "kronwerk/factors/base/blas_library.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/factors/base/scratch.hpp"

namespace {

using namespace kronwerk;
using namespace kronwerk::factors;
using Neighbours = std::vector<std::vector<std::int32_t>>;

// Processor time: one thread that never waits; what else runs on the machine should not count.
double seconds_now() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

template <typename Work>
double best_seconds(int repetitions, const Work& work) {
  work();
  double best = 1e300;
  for (int i = 0; i < repetitions; ++i) {
    const double start = seconds_now();
    work();
    best = std::min(best, seconds_now() - start);
  }
  return best;
}

Neighbours read_gal(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot open " + path);
  std::string line;
  std::getline(file, line);
  std::map<std::string, std::int32_t> place;
  std::vector<std::vector<std::string>> names;
  std::string id;
  std::size_t count = 0;
  while (file >> id >> count) {
    place.emplace(id, static_cast<std::int32_t>(names.size()));
    names.emplace_back(count);
    for (std::string& name : names.back()) file >> name;
  }
  Neighbours result;
  for (const auto& row : names) {
    result.emplace_back();
    for (const std::string& name : row) result.back().push_back(place.at(name));
  }
  return result;
}

Neighbours nearest(std::size_t n) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> uniform;
  std::vector<std::pair<double, double>> points(n);
  for (auto& [x, y] : points) {
    x = uniform(random);
    y = uniform(random);
  }
  Neighbours result(n);
  std::vector<std::pair<double, std::int32_t>> distance(n);
  const std::size_t k = std::min<std::size_t>(7, n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      const double dx = points[i].first - points[j].first;
      const double dy = points[i].second - points[j].second;
      distance[j] = {dx * dx + dy * dy, static_cast<std::int32_t>(j)};
    }
    std::partial_sort(distance.begin(), distance.begin() + static_cast<std::ptrdiff_t>(k),
                      distance.end());
    for (std::size_t j = 1; j < k; ++j) result[i].push_back(distance[j].second);
  }
  return result;
}

SparseArrays shifted(const Neighbours& neighbours, double rho) {
  SparseArrays result;
  result.rows = result.cols = static_cast<Index>(neighbours.size());
  for (std::size_t i = 0; i < neighbours.size(); ++i) {
    std::vector<std::int32_t> row = neighbours[i];
    const double weight = row.empty() ? 0.0 : -rho / static_cast<double>(row.size());
    row.push_back(static_cast<std::int32_t>(i));
    std::sort(row.begin(), row.end());
    for (const std::int32_t column : row) {
      result.indices.push_back(column);
      result.values.push_back(column == static_cast<std::int32_t>(i) ? 1.0 : weight);
    }
    result.offsets.push_back(static_cast<Index>(result.indices.size()));
  }
  return result;
}

double dgemm_rate() {
  const int n = 1500;
  const std::size_t size = static_cast<std::size_t>(n) * static_cast<std::size_t>(n);
  const std::vector<double> a(size, 1.0), b(size, 0.5);
  std::vector<double> c(size, 0.0);
  return 2.0 * n * n * n / best_seconds(3, [&] {
           cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1.0, a.data(), n,
                       b.data(), n, 0.0, c.data(), n);
         });
}

// Seconds of the parts of one panel, and how much the blocks are padded.
void report_parts(const SparseArrays& matrix, double nonzeros, double peak) {
  auto decomposition = sparse_cholesky(matrix.view());
  if (!decomposition) decomposition = sparse_lu(matrix.view());
  const TriangularBlocks lower = make_triangular_blocks(decomposition->lower.view());
  const TriangularBlocks upper =
      decomposition->symmetric ? lower : make_triangular_blocks(decomposition->upper.view());
  const Index n = matrix.rows;
  const double stored = static_cast<double>(lower.values.size() + upper.values.size());
  std::printf("blocks_lower %zu\ncolumns_per_block %.3f\npadding %.3f\n", lower.blocks.size(),
              static_cast<double>(n) / static_cast<double>(lower.blocks.size()),
              stored / (nonzeros - static_cast<double>(n)));
  const Panel panel{scratch(Scratch::panel, n * widest_panel), widest_panel};
  std::fill(panel.data, panel.data + n * panel.width, 1.0);
  Prefetcher nothing;
  const double forth = best_seconds(20, [&] { solve_lower(lower.view(), panel, nothing); });
  std::fill(panel.data, panel.data + n * panel.width, 1.0);
  const double back = best_seconds(
      20, [&] { solve_lower_transposed(upper.view(), decomposition->row_scale, panel, nothing); });
  const double flops = nonzeros * static_cast<double>(panel.width);
  std::printf("forth_gflops %.1f\nback_gflops %.1f\nsubstitution_fraction %.3f\n",
              flops / forth * 1e-9, flops / back * 1e-9, 2 * flops / (forth + back) / peak);

  std::vector<double> block(static_cast<std::size_t>(n * n), 1.0);
  const auto report_moves = [&](const char* name, const View& view, bool trailing) {
    const RowMap map{decomposition->row_position, decomposition->row_scale};
    const auto group = [&](Index first) {
      const Index count = std::min(widest_panel, n - first);
      return trailing ? FibreGroup{first, count, 0, 1} : FibreGroup{0, 1, first, count};
    };
    const double in = best_seconds(3, [&] {
      for (Index first = 0; first < n; first += widest_panel) {
        gather_rows(view, group(first), 0, n, map, panel);
      }
    });
    const double out = best_seconds(3, [&] {
      for (Index first = 0; first < n; first += widest_panel) {
        scatter_rows(view, group(first), 0, n, map, panel);
      }
    });
    std::printf("gather_%s_ms %.3f\nscatter_%s_ms %.3f\n", name, 1e3 * in, name, 1e3 * out);
  };
  report_moves("trailing", View::contiguous(block.data(), n, n, 1), true);
  report_moves("leading", View::contiguous(block.data(), 1, n, n), false);
  std::vector<double> copy(block.size());
  std::printf("copy_ms %.3f\n",
              1e3 * best_seconds(3, [&] { std::copy(block.begin(), block.end(), copy.begin()); }));
}

void run(const std::string& source, double rho) {
  const bool count = std::all_of(source.begin(), source.end(),
                                 [](unsigned char c) { return std::isdigit(c) != 0; });
  const Neighbours neighbours = count ? nearest(std::stoul(source)) : read_gal(source);
  const SparseArrays matrix = shifted(neighbours, rho);
  const auto comm = communication::Communicator::duplicate(MPI_COMM_WORLD);
  communication::SharedSparse shared;
  shared.rows = shared.cols = matrix.rows;
  shared.row_offsets = communication::SharedArray<Index>::from_private(matrix.offsets);
  shared.column_indices = communication::SharedArray<std::int32_t>::from_private(matrix.indices);
  shared.values = communication::SharedArray<double>::from_private(matrix.values);
  const FactorPtr factor = make_sparse("I - rho*W", std::move(shared));
  const double start = seconds_now();
  factorise(comm, std::vector<FactorPtr>{factor});
  const double factorise_seconds = seconds_now() - start;
  const Factorisation& factorisation = *factor->factorisation();

  const Index n = matrix.rows;
  const double peak = dgemm_rate();
  const double nonzeros = factorisation.flops_per_fibre() / 2;
  const double flops = factorisation.flops_per_fibre() * static_cast<double>(n);
  std::printf("n %ld\nkind %s\nnonzeros_LU %.0f\nfactorise_s %.4f\nfactor_bytes %ld\n",
              static_cast<long>(n), factorisation.description().c_str(), nonzeros,
              factorise_seconds, static_cast<long>(factorisation.bytes()));
  std::printf("dgemm_gflops %.1f\ngflop_per_mode %.4f\nbytes_bound %.0f\n", peak * 1e-9,
              flops * 1e-9, 16.0 * static_cast<double>(n) * static_cast<double>(n));
  std::vector<double> x(static_cast<std::size_t>(n * n), 1.0), y(x.size());
  const int repetitions = n > 5000 ? 2 : 7;
  const auto report = [&](const char* name, const View& b, const View& result, bool transposed) {
    const double seconds =
        best_seconds(repetitions, [&] { factorisation.solve(b, result, transposed); });
    std::printf("%s_s %.6f\n%s_gflops %.1f\n%s_fraction %.3f\n", name, seconds, name,
                flops / seconds * 1e-9, name, flops / seconds / peak);
  };
  const auto trailing = [n](std::vector<double>& v) { return View::contiguous(v.data(), n, n, 1); };
  const auto leading = [n](std::vector<double>& v) { return View::contiguous(v.data(), 1, n, n); };
  report("trailing", trailing(x), trailing(y), false);
  report("trailing_in_place", trailing(y), trailing(y), false);
  // Piece by piece into a buffer that stays in cache, as a product does before an exchange.
  std::vector<double> buffer(static_cast<std::size_t>(n * widest_panel));
  const double pieces = best_seconds(repetitions, [&] {
    for (Index first = 0; first < n; first += widest_panel) {
      const Index fibres = std::min(widest_panel, n - first);
      factorisation.solve(View::contiguous(x.data() + first * n, fibres, n, 1),
                          View::contiguous(buffer.data(), fibres, n, 1), false);
    }
  });
  std::printf("trailing_in_pieces_s %.6f\ntrailing_in_pieces_fraction %.3f\n", pieces,
              flops / pieces / peak);
  report("leading_in_place", leading(y), leading(y), false);
  report("leading", leading(x), leading(y), false);
  report("leading_transposed", leading(x), leading(y), true);
  const double apply = best_seconds(3, [&] { factor->apply(trailing(x), trailing(y), false); });
  const double apply_leading =
      best_seconds(3, [&] { factor->apply(leading(x), leading(y), false); });
  const double apply_transposed =
      best_seconds(3, [&] { factor->apply(leading(x), leading(y), true); });
  std::printf("apply_trailing_ms %.3f\napply_leading_ms %.3f\napply_leading_transposed_ms %.3f\n",
              1e3 * apply, 1e3 * apply_leading, 1e3 * apply_transposed);
  report_parts(matrix, nonzeros, peak);
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  kronwerk::factors::set_blas_threads(1);
  int status = 0;
  try {
    if (argc < 2) throw std::runtime_error("usage: sparse_solve_benchmark FILE.gal | N [rho]");
    run(argv[1], argc > 2 ? std::stod(argv[2]) : 0.35);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    status = 1;
  }
  MPI_Finalize();
  return status;
}
