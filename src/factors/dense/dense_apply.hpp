#pragma once

#include "kronwerk/factors/base/mode_view.hpp"

namespace kronwerk::factors {

/// A dense matrix that somebody else holds: entry (i, j) is data[i * row_stride + j *
/// column_stride], and one of the strides is 1. The transpose is the same memory with the strides
/// exchanged.
struct DenseView {
  const double* data = nullptr;
  Index rows = 0;
  Index cols = 0;
  Index row_stride = 0;
  Index column_stride = 1;

  static DenseView row_major(const double* data, Index rows, Index cols) {
    return {data, rows, cols, cols, 1};
  }
  DenseView transposed() const { return {data, cols, rows, column_stride, row_stride}; }
};

/// Up to this extent our kernels are at least as fast as a BLAS (measured on Zen 4: 256 to 512).
inline constexpr Index kernel_extent = 256;
/// A packed copy of a factor for contiguous fibres has at most this many values: every rank of a
/// node has its own.
inline constexpr Index packed_extent = Index{1} << 21;

inline bool uses_kernel(Index rows, Index cols) {
  return rows <= kernel_extent && cols <= kernel_extent;
}

/// For contiguous fibres (right == 1) one small extent is enough: a BLAS copies the fibres first,
/// which for few rows or columns costs as much as the product (30 x 784: half of our rate).
inline bool uses_packed_columns(Index rows, Index cols) {
  return (rows <= kernel_extent || cols <= kernel_extent) && rows * cols <= packed_extent;
}

/// y = A x along the views' mode. Local; x and y must not overlap.
/// @param packed  what pack_columns() made of Aᵀ, or null: then it is packed for this call
void apply_dense(const DenseView& a, ConstView x, View y, const double* packed = nullptr);

/// y = x, for views of equal sizes that may be the same but must not overlap otherwise.
void copy_view(ConstView x, View y);

/// The fibres of a view as the columns of one row-major matrix (extent x (last - first)); column
/// l * right + r is fibre (l, r).
void gather_fibres(ConstView x, Index first, Index last, double* panel);
void scatter_fibres(const double* panel, Index first, Index last, View y);

}  // namespace kronwerk::factors
