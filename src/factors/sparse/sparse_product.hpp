#pragma once

#include <span>
#include <utility>
#include <vector>

#include "factors/sparse/sparse_arrays.hpp"
#include "kronwerk/factors/base/factor.hpp"

namespace kronwerk::factors {

/// A copy of an identity, diagonal or sparse factor as private arrays. @throws InternalError if
/// dense
SparseArrays to_sparse(const Factor& factor);

/// Σ c_i A_i; columns ascend and are distinct. Entries that cancel stay stored. The shapes are
/// equal.
SparseArrays add(std::span<const std::pair<double, SparseArrays>> terms);

/// A B, row by row (Gustavson 1978); columns ascend and are distinct.
SparseArrays multiply(const SparseView& a, const SparseView& b);

/// out (row-major) += A.
void add_to_dense(const SparseView& matrix, std::span<double> out);

}  // namespace kronwerk::factors
