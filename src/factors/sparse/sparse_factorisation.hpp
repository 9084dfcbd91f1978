#pragma once

#include <cstddef>
#include <memory>

#include "factors/base/local_factorisation.hpp"
#include "factors/sparse/sparse_factor.hpp"
#include "factors/triangular/triangular.hpp"

namespace kronwerk::factors {

/// The factors of a sparse matrix, as a view of one flat piece of memory.
///
/// With A = R⁻¹ Pᵀ L D U Qᵀ C⁻¹ (sparse_decomposition.hpp), a solve gathers a panel of fibres with
/// the row permutation and scale, substitutes with L and U, and scatters with the column
/// permutation and scale; the transposed solve exchanges the two sides.
class SparseFactorisation final : public Factorisation {
 public:
  /// `memory` was written by the LocalFactorisation of begin_sparse_factorisation(). Local.
  SparseFactorisation(Index extent, communication::SharedArray<std::byte> memory);
  /// The same for memory that somebody else keeps alive.
  SparseFactorisation(Index extent, const std::byte* memory);

  Determinant determinant() const override;
  double condition() const override;
  double flops_per_fibre() const override;
  Index bytes() const override;
  std::string description() const override;

 private:
  void do_solve(ConstView b, View x, bool transposed) const override;
  void view_memory(const std::byte* memory);

  communication::SharedArray<std::byte> memory_;
  const std::byte* base_ = nullptr;
  TriangularView lower_;
  TriangularView upper_;  // of Uᵀ
  std::span<const double> reciprocal_pivots_;
  std::span<const std::int32_t> row_position_;
  std::span<const std::int32_t> column_position_;
  std::span<const double> row_scale_;
  std::span<const double> column_scale_;
};

/// Orders and factorises numerically, on the calling rank. @throws DataError if the factor is
/// singular
std::unique_ptr<LocalFactorisation> begin_sparse_factorisation(const SparseFactor& factor);

/// Estimate of the 1-norm of A⁻¹ by a few solves with A and Aᵀ (Hager 1984; Higham 1988, as in
/// LAPACK's dlacn2). Local.
double estimate_inverse_norm(const Factorisation& factorisation);

}  // namespace kronwerk::factors
