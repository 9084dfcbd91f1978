#pragma once

#include <memory>
#include <span>

#include "factors/base/local_factorisation.hpp"
#include "factors/dense/dense_apply.hpp"
#include "factors/dense/dense_storage.hpp"

namespace kronwerk::factors {

/// Cholesky where the matrix is symmetric and turns out positive definite, else LU with row
/// exchanges; for small matrices whose inverse passes an accuracy check also the explicit inverse.
std::unique_ptr<LocalFactorisation> begin_dense_factorisation(const Factor& factor,
                                                              const DenseView& matrix);

/// A view of what begin_dense_factorisation(…)->store() wrote.
std::shared_ptr<const Factorisation> attach_dense_factorisation(
    Index extent, communication::SharedArray<std::byte> memory);

// What the factorisations on one rank and on all ranks share.

/// Whether a Cholesky factorisation is worth trying.
bool is_symmetric_with_positive_diagonal(const DenseView& matrix);

/// Header and permutation of a factorisation whose triangles stand in the storage: as LAPACK leaves
/// them for Aᵀ, with row exchanges counted from 1.
void describe_cholesky(const DenseView& matrix, const DenseStorage& storage);
void describe_lu(const DenseView& matrix, std::span<const int> pivots, const DenseStorage& storage);

/// @throws DataError (throw_singular()) if the condition says so
void check_regular(const Factor& factor, const DenseHeader& header);

}  // namespace kronwerk::factors
