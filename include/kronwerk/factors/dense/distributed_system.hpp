#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "kronwerk/factors/base/factor.hpp"

namespace kronwerk::factors {

/// Systems with one dense matrix of which each rank holds its share, n² / P entries, block-cyclic:
/// computed where it is needed, factorised and solved with by ScaLAPACK (Blackford et al. 1997).
/// Cholesky where the matrix is symmetric and turns out positive definite, else LU with row
/// exchanges.
class DistributedSystem {
 public:
  /// Fills out (rows.size() x columns.size(), row-major) with the entries of those rows and
  /// columns. Local.
  using Entries = std::function<void(std::span<const Index> rows, std::span<const Index> columns,
                                     std::span<double> out)>;

  /// Calls `entries` once on each rank that has a share, twice where Cholesky fails. Collective on
  /// comm, which must outlive this.
  /// @param name  of the matrix, for messages
  /// @throws DataError if the matrix is singular, ResourceError if memory is short
  DistributedSystem(const communication::Communicator& comm, Index extent, std::string name,
                    bool symmetric, const Entries& entries, int block = 32);
  ~DistributedSystem();
  DistributedSystem(DistributedSystem&&) noexcept;
  DistributedSystem& operator=(DistributedSystem&&) noexcept;

  /// A X = B (or Aᵀ X = B) in place; extent x width, row-major, the same on every rank, before and
  /// after. Collective.
  void solve(std::span<double> values, Index width, bool transposed) const;
  Determinant determinant() const noexcept;
  /// Estimate of the 1-norm condition number.
  double condition() const noexcept;
  /// "Cholesky by 64 ranks", for reports.
  std::string description() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kronwerk::factors
