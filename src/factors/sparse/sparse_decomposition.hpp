#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "factors/sparse/sparse_arrays.hpp"

namespace kronwerk::factors {

/// A = R⁻¹ Pᵀ L D U Qᵀ C⁻¹ with L and Uᵀ unit lower triangular, D diagonal, P and Q permutations, R
/// and C positive diagonal: the one form into which Cholesky and LU factors are brought, so that
/// one pair of substitutions serves both.
struct SparseDecomposition {
  bool symmetric = false;  ///< U = Lᵀ; `upper` is then empty
  SparseArrays lower;      ///< row j holds the entries of column j of L strictly below the diagonal
  SparseArrays upper;      ///< row j holds the entries of row j of U strictly right of the diagonal
  std::vector<double> pivots;                 ///< D
  std::vector<std::int32_t> row_position;     ///< where row i of A stands in L
  std::vector<std::int32_t> column_position;  ///< where column j of A stands in U
  std::vector<double> row_scale;              ///< R, by row of A
  std::vector<double> column_scale;           ///< C, by column of A
  double log_abs_determinant = 0;
  int sign = 1;
  std::string ordering;  ///< for reports: "AMD", "METIS", …
};

/// By CHOLMOD, for A similar by a positive diagonal to a symmetric positive definite matrix
/// (d_i a_ij = d_j a_ji). Nothing if A is not of that kind. Local.
/// @throws ResourceError if memory is short
std::optional<SparseDecomposition> sparse_cholesky(const SparseView& matrix);

/// By UMFPACK. Nothing if a pivot is zero. Local.
/// @throws ResourceError if memory is short
std::optional<SparseDecomposition> sparse_lu(const SparseView& matrix);

}  // namespace kronwerk::factors
