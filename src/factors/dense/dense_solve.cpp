// Declared in factors/dense/dense_storage.hpp.
#include <cblas.h>

#include <algorithm>

#include "factors/dense/dense_storage.hpp"
#include "kronwerk/core/extents.hpp"
#include "kronwerk/factors/base/scratch.hpp"

namespace kronwerk::factors {
namespace {

// A panel of about a megabyte, but wide enough that reading the triangles does not dominate.
Index panel_width(Index extent) {
  return std::clamp<Index>(Index{131072} / extent / 8 * 8, 192, 1024);
}

struct Triangles {
  int extent;
  const double* values;
  bool is_cholesky;
};

// Solves in place with the panel's columns (extent x width) or its rows (width x extent).
void solve_panel(const Triangles& t, CBLAS_SIDE side, bool transposed, double* panel, Index width) {
  const bool by_columns = side == CblasLeft;
  const int rows = by_columns ? t.extent : core::narrow<int>(width);
  const int cols = by_columns ? core::narrow<int>(width) : t.extent;
  // From the right, X = B A⁻ᵀ: every triangle appears transposed.
  const auto plain = by_columns ? CblasNoTrans : CblasTrans;
  const auto flipped = by_columns ? CblasTrans : CblasNoTrans;
  const auto solve = [&](CBLAS_UPLO triangle, CBLAS_TRANSPOSE how, CBLAS_DIAG diagonal) {
    cblas_dtrsm(CblasRowMajor, side, triangle, how, diagonal, rows, cols, 1.0, t.values, t.extent,
                panel, cols);
  };
  if (t.is_cholesky) {
    solve(CblasLower, plain, CblasNonUnit);
    solve(CblasLower, flipped, CblasNonUnit);
  } else if (!transposed) {
    solve(CblasLower, plain, CblasNonUnit);
    solve(CblasUpper, plain, CblasUnit);
  } else {
    solve(CblasUpper, flipped, CblasUnit);
    solve(CblasLower, flipped, CblasNonUnit);
  }
}

// Fibres as rows: right == 1 and entries next to each other.
void solve_rows(const Triangles& t, const Index* permutation, ConstView b, View x,
                bool transposed) {
  const Index n = t.extent;
  const Index block = std::min(panel_width(n), b.left);
  double* panel = scratch(Scratch::panel, n * block);
  for (Index first = 0; first < b.left; first += block) {
    const Index count = std::min(block, b.left - first);
    for (Index l = 0; l < count; ++l) {
      const double* source = b.data + (first + l) * b.left_stride;
      double* target = panel + l * n;
      if (transposed && !t.is_cholesky) {
        for (Index i = 0; i < n; ++i) target[i] = source[permutation[i]];
      } else {
        std::copy_n(source, n, target);
      }
    }
    solve_panel(t, CblasRight, transposed, panel, count);
    for (Index l = 0; l < count; ++l) {
      const double* source = panel + l * n;
      double* target = x.data + (first + l) * x.left_stride;
      if (!transposed && !t.is_cholesky) {
        for (Index i = 0; i < n; ++i) target[permutation[i]] = source[i];
      } else {
        std::copy_n(source, n, target);
      }
    }
  }
}

// Calls run(l, r, column, count) for the pieces of the fibres [first, last) that share l.
template <typename Run>
void for_each_run(Index right, Index first, Index last, const Run& run) {
  for (Index fibre = first; fibre < last;) {
    const Index r = fibre % right;
    const Index count = std::min(right - r, last - fibre);
    run(fibre / right, r, fibre - first, count);
    fibre += count;
  }
}

// Fibres as columns of a panel.
void solve_columns(const Triangles& t, const Index* permutation, ConstView b, View x,
                   bool transposed) {
  const Index n = t.extent;
  const Index fibres = b.left * b.right;
  const Index block = std::min(panel_width(n), fibres);
  double* panel = scratch(Scratch::panel, n * block);
  const auto from = [&](Index i) { return transposed && !t.is_cholesky ? permutation[i] : i; };
  const auto to = [&](Index i) { return !transposed && !t.is_cholesky ? permutation[i] : i; };
  for (Index first = 0; first < fibres; first += block) {
    const Index last = std::min(fibres, first + block);
    const Index width = last - first;
    for_each_run(b.right, first, last, [&](Index l, Index r, Index column, Index count) {
      const double* source = b.data + l * b.left_stride + r;
      for (Index i = 0; i < n; ++i) {
        std::copy_n(source + from(i) * b.row_stride, count, panel + i * width + column);
      }
    });
    solve_panel(t, CblasLeft, transposed, panel, width);
    for_each_run(b.right, first, last, [&](Index l, Index r, Index column, Index count) {
      double* target = x.data + l * x.left_stride + r;
      for (Index i = 0; i < n; ++i) {
        std::copy_n(panel + i * width + column, count, target + to(i) * x.row_stride);
      }
    });
  }
}

// The part of a view with fibres [first_left, first_left + left) x [first_right, first_right +
// right).
template <typename T>
ModeView<T> part(ModeView<T> view, Index first_left, Index left, Index first_right, Index right) {
  view.data += first_left * view.left_stride + first_right;
  view.left = left;
  view.right = right;
  return view;
}

}  // namespace

void solve_with_triangles(Index extent, const DenseStorage& storage, ConstView b, View x,
                          bool transposed) {
  const Triangles triangles{core::narrow<int>(extent), storage.triangles,
                            storage.header->is_cholesky != 0};
  if (b.right == 1 && b.row_stride == 1 && x.row_stride == 1) {
    solve_rows(triangles, storage.permutation, b, x, transposed);
  } else {
    solve_columns(triangles, storage.permutation, b, x, transposed);
  }
}

void apply_inverse(Index extent, const DenseStorage& storage, ConstView b, View x,
                   bool transposed) {
  auto inverse = DenseView::row_major(storage.inverse, extent, extent);
  if (transposed) inverse = inverse.transposed();
  if (b.data != x.data) {
    apply_dense(inverse, b, x);
    return;
  }
  // In place: piece by piece from a copy that stays in cache.
  const Index right = std::min<Index>(b.right, 256);
  const Index left = std::max<Index>(1, std::min<Index>(b.left, Index{16384} / (extent * right)));
  double* copy = scratch(Scratch::panel, left * extent * right);
  for (Index l = 0; l < b.left; l += left) {
    for (Index r = 0; r < b.right; r += right) {
      const Index lefts = std::min(left, b.left - l);
      const Index rights = std::min(right, b.right - r);
      const View piece = View::contiguous(copy, lefts, extent, rights);
      copy_view(part(b, l, lefts, r, rights), piece);
      apply_dense(inverse, piece, part(x, l, lefts, r, rights));
    }
  }
}

}  // namespace kronwerk::factors
