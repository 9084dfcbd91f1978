// Declared in factors/spectra/eigen_distributed.hpp.
// Generalised symmetric eigenproblems by all ranks: B = L Lᵀ turns a pair into the one symmetric
// matrix L⁻¹ A L⁻ᵀ.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "factors/base/scalapack.hpp"
#include "factors/spectra/eigen_distributed.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::factors {

using communication::Communicator;

namespace {

constexpr int one = 1;

// B := L⁻¹ B or L⁻ᵀ B from the left, B := B L⁻ᵀ from the right.
void solve_with(BlockCyclic& cholesky, const char* side, const char* transposed, int n,
                BlockCyclic& b) {
  const double alpha = 1;
  pdtrsm_(side, "L", transposed, "N", &n, &n, &alpha, cholesky.data(), &one, &one,
          cholesky.descriptor(), b.data(), &one, &one, b.descriptor(), 1, 1, 1, 1);
}

}  // namespace

Spectrum distributed_pair_eigen(const Communicator& comm, const NodeLeaders& leaders, Index extent,
                                double* matrix, double* partner, bool vectors,
                                const std::string& name, const std::string& partner_name,
                                int block) {
  const int n = core::narrow<int>(extent);
  const std::size_t entries = static_cast<std::size_t>(core::multiply(extent, extent));
  const ProcessGrid grid(comm, extent, block);
  std::optional<BlockCyclic> a, b, v;
  std::vector<double> eigenvalues(static_cast<std::size_t>(n));
  double norm = 0;
  communication::collectively(comm, [&] {
    if (comm.is_root()) norm = row_norm(extent, partner);
    if (!grid.is_member()) return;
    a.emplace(grid, extent);
    b.emplace(grid, extent);
    if (vectors) v.emplace(grid, extent);
    a->read_symmetric(matrix);
    b->read_symmetric(partner);
  });
  int info = 0;
  if (b) pdpotrf_("L", &n, b->data(), &one, &one, b->descriptor(), &info, 1);
  const bool definite = !comm.any(info != 0);
  std::string error;
  if (definite && a) {
    solve_with(*b, "L", "N", n, *a);
    solve_with(*b, "R", "T", n, *a);
    error = solve_symmetric(grid, extent, *a, eigenvalues, vectors ? &*v : nullptr);
    if (vectors) solve_with(*b, "L", "T", n, *v);
  }
  communication::collectively(comm, [&] {
    if (error.empty()) return;
    throw core::DataError(
        fmt::format("the eigenvalues of '{}' ({} x {}) were not found ({})", name, n, n, error));
  });
  if (vectors) collect(comm, leaders, v ? &*v : nullptr, {matrix, entries});
  collect(comm, leaders, b ? &*b : nullptr, {partner, entries});
  Spectrum result;
  communication::on_root(comm, [&] {
    result =
        describe_pair(extent, std::move(eigenvalues), definite, "L", partner, norm, partner_name);
  });
  return result;
}

}  // namespace kronwerk::factors
