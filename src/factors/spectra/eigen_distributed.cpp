#include "factors/spectra/eigen_distributed.hpp"

#include <fmt/format.h>

#include <optional>
#include <vector>

#include "factors/base/process_grid.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::factors {

using communication::Communicator;

Spectrum distributed_symmetric_eigen(const Communicator& comm, const NodeLeaders& leaders, Index n,
                                     double* matrix, bool vectors, const std::string& name,
                                     int block) {
  const ProcessGrid grid(comm, n, block);
  std::optional<BlockCyclic> a;
  std::optional<BlockCyclic> v;
  std::vector<double> eigenvalues(static_cast<std::size_t>(n));
  communication::collectively(comm, [&] {
    if (!grid.is_member()) return;
    a.emplace(grid, n);
    a->read_symmetric(matrix);
    if (vectors) v.emplace(grid, n);
  });
  std::string error;
  if (grid.is_member()) {
    error = solve_symmetric(grid, n, *a, eigenvalues, vectors ? &*v : nullptr);
  }
  communication::collectively(comm, [&] {
    if (error.empty()) return;
    throw core::DataError(
        fmt::format("the eigenvalues of '{}' ({} x {}) were not found ({}); look at its "
                    "entries: they may differ too much in size",
                    name, n, n, error));
  });
  comm.broadcast(std::span<double>(eigenvalues));
  if (vectors) {
    collect(comm, leaders, v ? &*v : nullptr, {matrix, static_cast<std::size_t>(n * n)});
  }
  Spectrum result;
  result.eigenvalues.assign(eigenvalues.begin(), eigenvalues.end());
  return result;
}

}  // namespace kronwerk::factors
