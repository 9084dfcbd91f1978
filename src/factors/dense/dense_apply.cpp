#include "factors/dense/dense_apply.hpp"

#include <cblas.h>

#include <algorithm>

#include "factors/dense/dense_simd.hpp"
#include "kronwerk/core/extents.hpp"
#include "kronwerk/factors/base/scratch.hpp"

namespace kronwerk::factors {
namespace {

// Below this many columns a BLAS product with a large factor is bound by reading the factor.
constexpr Index enough_columns = 192;
constexpr Index panel_columns = 384;
// Skinny factors on short rows: between these a BLAS packs more than it computes.
constexpr Index fewest_slab_columns = 8;
constexpr Index most_slab_columns = 512;

bool uses_slabs(const DenseView& a, Index right) {
  if (uses_kernel(a.rows, a.cols)) return true;
  return uses_packed_columns(a.rows, a.cols) && right >= fewest_slab_columns &&
         right < most_slab_columns;
}

// Matrix C (rows x cols) = A B with B and C row-major; what cblas_dgemm takes, with our types.
void blas_multiply(const DenseView& a, const double* b, Index b_stride, double* c, Index c_stride,
                   Index cols) {
  const bool row_major = a.column_stride == 1;
  cblas_dgemm(CblasRowMajor, row_major ? CblasNoTrans : CblasTrans, CblasNoTrans,
              core::narrow<int>(a.rows), core::narrow<int>(cols), core::narrow<int>(a.cols), 1.0,
              a.data, core::narrow<int>(row_major ? a.row_stride : a.column_stride), b,
              core::narrow<int>(b_stride), 0.0, c, core::narrow<int>(c_stride));
}

// Fibres are rows: Y = X Aᵀ.
void blas_multiply_rows(const DenseView& a, ConstView x, View y) {
  const bool row_major = a.column_stride == 1;
  cblas_dgemm(CblasRowMajor, CblasNoTrans, row_major ? CblasTrans : CblasNoTrans,
              core::narrow<int>(x.left), core::narrow<int>(a.rows), core::narrow<int>(a.cols), 1.0,
              x.data, core::narrow<int>(x.left_stride), a.data,
              core::narrow<int>(row_major ? a.row_stride : a.column_stride), 0.0, y.data,
              core::narrow<int>(y.left_stride));
}

void apply_in_panels(const DenseView& a, ConstView x, View y) {
  const Index fibres = x.left * x.right;
  double* in =
      scratch(Scratch::packed_columns, (a.rows + a.cols) * std::min(panel_columns, fibres));
  for (Index first = 0; first < fibres; first += panel_columns) {
    const Index last = std::min(fibres, first + panel_columns);
    double* out = in + a.cols * (last - first);
    gather_fibres(x, first, last, in);
    blas_multiply(a, in, last - first, out, last - first, last - first);
    scatter_fibres(out, first, last, y);
  }
}

void apply_by_blas(const DenseView& a, ConstView x, View y) {
  // Fibres whose entries lie `row_stride` apart are no rows of a matrix.
  if (x.right == 1 && x.row_stride == 1 && y.row_stride == 1 && x.left_stride >= x.extent &&
      y.left_stride >= y.extent) {
    blas_multiply_rows(a, x, y);
  } else if (x.left == 1 || x.right >= enough_columns) {
    for (Index l = 0; l < x.left; ++l) {
      blas_multiply(a, x.data + l * x.left_stride, std::max(x.row_stride, x.right),
                    y.data + l * y.left_stride, std::max(y.row_stride, y.right), x.right);
    }
  } else {
    apply_in_panels(a, x, y);
  }
}

void apply_to_rows(const DenseView& a, ConstView x, View y, const double* packed) {
  if (packed == nullptr) {
    double* target = scratch(Scratch::packed_rows, packed_size(a.cols, a.rows));
    pack_columns(a.cols, a.rows, {a.data, a.column_stride, a.row_stride}, target);
    packed = target;
  }
  SlabProduct product;
  product.rows = x.left;
  product.cols = a.rows;
  product.depth = a.cols;
  product.a = {x.data, x.left_stride, x.row_stride};
  product.b = packed;
  product.c = y.data;
  product.c_row_stride = y.left_stride;
  multiply_packed(product);
}

void apply_to_slabs(const DenseView& a, ConstView x, View y) {
  SlabProduct product;
  product.rows = a.rows;
  product.cols = x.right;
  product.depth = a.cols;
  product.a = {a.data, a.row_stride, a.column_stride};
  product.b = x.data;
  product.b_row_stride = x.row_stride;
  product.c = y.data;
  product.c_row_stride = y.row_stride;
  product.count = x.left;
  product.b_step = x.left_stride;
  product.c_step = y.left_stride;
  multiply_slabs(product);
}

void fill_zero(View y) {
  for (Index l = 0; l < y.left; ++l) {
    for (Index i = 0; i < y.extent; ++i) {
      std::fill_n(y.data + l * y.left_stride + i * y.row_stride, y.right, 0.0);
    }
  }
}

// Calls run(l, r, column, count) for the pieces of the fibres [first, last) that share l.
template <typename Run>
void for_each_run(const ConstView& view, Index first, Index last, const Run& run) {
  for (Index fibre = first; fibre < last;) {
    const Index l = fibre / view.right;
    const Index r = fibre % view.right;
    const Index count = std::min(view.right - r, last - fibre);
    run(l, r, fibre - first, count);
    fibre += count;
  }
}

}  // namespace

void gather_fibres(ConstView x, Index first, Index last, double* panel) {
  const Index width = last - first;
  for_each_run(x, first, last, [&](Index l, Index r, Index column, Index count) {
    const double* source = x.data + l * x.left_stride + r;
    for (Index i = 0; i < x.extent; ++i) {
      std::copy_n(source + i * x.row_stride, count, panel + i * width + column);
    }
  });
}

void scatter_fibres(const double* panel, Index first, Index last, View y) {
  const Index width = last - first;
  for_each_run(y, first, last, [&](Index l, Index r, Index column, Index count) {
    double* target = y.data + l * y.left_stride + r;
    for (Index i = 0; i < y.extent; ++i) {
      std::copy_n(panel + i * width + column, count, target + i * y.row_stride);
    }
  });
}

void copy_view(ConstView x, View y) {
  if (x.data == y.data && x.left_stride == y.left_stride && x.row_stride == y.row_stride) return;
  const bool rows_touch = x.row_stride == x.right && y.row_stride == y.right;
  for (Index l = 0; l < x.left; ++l) {
    const double* source = x.data + l * x.left_stride;
    double* target = y.data + l * y.left_stride;
    if (rows_touch) {
      std::copy_n(source, x.extent * x.right, target);
      continue;
    }
    for (Index i = 0; i < x.extent; ++i) {
      std::copy_n(source + i * x.row_stride, x.right, target + i * y.row_stride);
    }
  }
}

void apply_dense(const DenseView& a, ConstView x, View y, const double* packed) {
  if (x.left <= 0 || x.right <= 0 || a.rows == 0) return;
  if (a.cols == 0) {
    fill_zero(y);
  } else if (x.right == 1 && y.row_stride == 1 && uses_packed_columns(a.rows, a.cols)) {
    apply_to_rows(a, x, y, packed);
  } else if (uses_slabs(a, x.right)) {
    apply_to_slabs(a, x, y);
  } else {
    apply_by_blas(a, x, y);
  }
}

}  // namespace kronwerk::factors
