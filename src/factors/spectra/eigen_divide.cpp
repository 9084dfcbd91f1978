// Declared in factors/spectra/eigen_distributed.hpp.
// Symmetric eigenproblems without ELPA: by ScaLAPACK's divide and conquer (Tisseur and Dongarra
// 1999), or LAPACK's on a grid of one process.
#include <fmt/format.h>

#include <optional>
#include <vector>

#include "factors/base/scalapack.hpp"
#include "factors/spectra/eigen_distributed.hpp"

#if !KRONWERK_HAS_ELPA

namespace kronwerk::factors {

std::string solve_symmetric(const ProcessGrid& grid, Index n, BlockCyclic& a,
                            std::span<double> eigenvalues, BlockCyclic* vectors) {
  // It computes vectors in any case.
  std::optional<BlockCyclic> unwanted;
  if (vectors == nullptr) vectors = &unwanted.emplace(grid, n);
  const int one = 1;
  const int extent = core::narrow<int>(n);
  int info = 0;
  const auto decompose = [&](double* work, const int* count, int* int_work, const int* int_count) {
    pdsyevd_("V", "L", &extent, a.data(), &one, &one, a.descriptor(), eigenvalues.data(),
             vectors->data(), &one, &one, vectors->descriptor(), work, count, int_work, int_count,
             &info, 1, 1);
  };
  const int query = -1;
  double work_size = 0;
  int int_size = 0;
  decompose(&work_size, &query, &int_size, &query);
  if (info == 0) {
    // The query forgets what bringing the vectors back (PDORMTR) takes where blocks are large
    // beside the matrix; it then leaves them as they are and says so on the terminal alone.
    const int block = grid.block();
    const int back = (a.local_rows() + a.local_columns() + 2 * block) * block;
    const int count = static_cast<int>(work_size) + back;
    std::vector<double> work(static_cast<std::size_t>(count));
    std::vector<int> int_work(static_cast<std::size_t>(int_size));
    decompose(work.data(), &count, int_work.data(), &int_size);
  }
  return info == 0 ? "" : fmt::format("divide and conquer: {}", info);
}

}  // namespace kronwerk::factors
#endif
