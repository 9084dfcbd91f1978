#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::factors {

using core::Index;

/// A sparse matrix in compressed-row form that somebody else holds; columns ascend within a row.
struct SparseView {
  Index rows = 0;
  Index cols = 0;
  std::span<const Index> offsets;
  std::span<const std::int32_t> indices;
  std::span<const double> values;
};

/// A sparse matrix in compressed-row form in private memory. The compressed columns of a matrix are
/// the SparseArrays of its transpose.
struct SparseArrays {
  Index rows = 0;
  Index cols = 0;
  std::vector<Index> offsets{0};
  std::vector<std::int32_t> indices;
  std::vector<double> values;

  SparseView view() const { return {rows, cols, offsets, indices, values}; }
};

/// Aᵀ; columns ascend within each row of the result. O(stored entries + rows + cols).
SparseArrays transpose(const SparseView& matrix);

/// Largest column sum of absolute values.
double one_norm(const SparseView& matrix);

}  // namespace kronwerk::factors
