#include "schur_kernel.hpp"

#include <cblas.h>

#include <algorithm>
#include <array>

namespace kronwerk::operators {
namespace {

/// Blocks up to this size are substituted directly; measured on Zen 4.
constexpr Index small = 16;

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

/// c += alpha a b, row-major.
void multiply_add(Index rows, Index columns, Index depth, double alpha, const double* a,
                  Index a_stride, const double* b, Index b_stride, double* c, Index c_stride) {
  if (rows == 0 || columns == 0 || depth == 0) return;
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, core::narrow<int>(rows),
              core::narrow<int>(columns), core::narrow<int>(depth), alpha, a,
              core::narrow<int>(a_stride), b, core::narrow<int>(b_stride), 1.0, c,
              core::narrow<int>(c_stride));
}

/// y += factor x
void add(double factor, const double* x, double* y, Index count) {
  for (Index j = 0; j < count; ++j) y[j] += factor * x[j];
}

}  // namespace

/// One row, or the two rows of a pair, with the inverse of its small systems for some columns: for
/// column j, (p + q N_i + u N_j + w N_i N_j) where N_i acts on rows and N_j on columns.
struct SchurKernel::RowUnit {
  Index row = 0;
  double upper = 0;  ///< N_i = [0 upper; lower 0]
  double lower = 0;
  // A pair may follow the last column that `small` allows.
  std::array<double, small + 1> p, q, u, w;
};

SchurKernel::SchurKernel(const SchurSystem& system, Index panel_rows, Index columns)
    : system_(&system) {
  const auto& left = system.left;
  const auto& right = system.right;
  const std::size_t count = right.matrices.size();
  row_real_.assign(at(left.extent) * count, 0.0);
  row_imaginary_.assign(at(left.extent) * count, 0.0);
  for (std::size_t i = 0; i < at(left.extent); ++i) {
    for (std::size_t l = 0; l < left.matrices.size(); ++l) {
      for (std::size_t r = 0; r < count; ++r) {
        const auto part = system.coefficient(l, r) * left.matrices[l].eigenvalues[i];
        row_real_[i * count + r] += part.real();
        row_imaginary_[i * count + r] += part.imag();
      }
    }
  }
  for (const auto& matrix : right.matrices) {
    for (const auto& value : matrix.eigenvalues) {
      column_real_.push_back(value.real());
      column_imaginary_.push_back(value.imag());
    }
    coupled_ = coupled_ || !matrix.block_diagonal;
  }
  products_.resize(count);
  for (std::size_t r = 1; r < count; ++r) products_[r].resize(at(panel_rows * columns));
  combined_.resize(at(panel_rows * columns));
}

double* SchurKernel::z(std::size_t r, Index row, Index column) {
  if (r == 0) return slab_.at(row, column);
  return products_[r].data() + (row - row_begin_) * slab_.stride + column - slab_.first;
}

void SchurKernel::begin_panel(const SchurSlab& slab, Index row_begin, Index row_end) {
  slab_ = slab;
  row_begin_ = row_begin;
  row_end_ = row_end;
  for (auto& product : products_) {
    if (product.empty()) continue;
    std::fill_n(product.begin(), (row_end - row_begin) * slab.stride, 0.0);
  }
}

void SchurKernel::add_columns(const double* y, Index stride, Index first, Index last, Index begin,
                              Index end) {
  const auto& right = system_->right;
  for (std::size_t r = 1; r < right.matrices.size(); ++r) {
    if (right.matrices[r].block_diagonal) continue;
    const double* values = right.matrices[r].values.data() + first * right.extent + begin;
    multiply_add(row_end_ - row_begin_, end - begin, last - first, 1.0, y, stride, values,
                 right.extent, z(r, row_begin_, begin), slab_.stride);
  }
}

void SchurKernel::solve(Index row_begin, Index row_end, Index begin, Index end) {
  const Index rows = row_end - row_begin;
  const Index columns = end - begin;
  if (rows == 0 || columns == 0) return;
  if (rows <= small && columns <= small) {
    solve_small(row_begin, row_end, begin, end);
    return;
  }
  if (rows >= columns) {
    const Index middle = system_->left.blocks.whole(row_begin + rows / 2);
    solve(middle, row_end, begin, end);
    subtract_above(row_begin, middle, middle, row_end, begin, end);
    solve(row_begin, middle, begin, end);
    return;
  }
  const auto& right = system_->right;
  const Index middle = right.blocks.whole(begin + columns / 2);
  solve(row_begin, row_end, middle, end);
  for (std::size_t r = 1; r < right.matrices.size(); ++r) {
    if (right.matrices[r].block_diagonal) continue;
    const double* values = right.matrices[r].values.data() + middle * right.extent + begin;
    multiply_add(rows, middle - begin, end - middle, 1.0, slab_.at(row_begin, middle), slab_.stride,
                 values, right.extent, z(r, row_begin, begin), slab_.stride);
  }
  solve(row_begin, row_end, begin, middle);
}

SchurKernel::Combination SchurKernel::combine(std::size_t l, Index row_begin, Index row_end,
                                              Index begin, Index end) {
  const std::size_t count = system_->right.matrices.size();
  std::size_t terms = 0;
  std::size_t only = 0;
  for (std::size_t r = 0; r < count; ++r) {
    if (system_->coefficient(l, r) == 0) continue;
    ++terms;
    only = r;
  }
  if (terms <= 1) {
    return {z(only, row_begin, begin), slab_.stride, system_->coefficient(l, only)};
  }
  const Index columns = end - begin;
  for (Index row = row_begin; row < row_end; ++row) {
    double* target = combined_.data() + (row - row_begin) * columns;
    std::fill_n(target, columns, 0.0);
    for (std::size_t r = 0; r < count; ++r) {
      const double coefficient = system_->coefficient(l, r);
      if (coefficient != 0) add(coefficient, z(r, row, begin), target, columns);
    }
  }
  return {combined_.data(), columns, 1.0};
}

void SchurKernel::subtract_above(Index top, Index bottom, Index row_begin, Index row_end,
                                 Index begin, Index end) {
  const auto& left = system_->left;
  for (std::size_t l = 1; l < left.matrices.size(); ++l) {
    if (left.matrices[l].block_diagonal) continue;
    const Combination sum = combine(l, row_begin, row_end, begin, end);
    if (sum.scale == 0) continue;
    const double* values = left.matrices[l].values.data() + top * left.extent + row_begin;
    multiply_add(bottom - top, end - begin, row_end - row_begin, -sum.scale, values, left.extent,
                 sum.values, sum.stride, slab_.at(top, begin), slab_.stride);
  }
}

void SchurKernel::solve_small(Index row_begin, Index row_end, Index begin, Index end) {
  const BlockStructure& blocks = system_->left.blocks;
  for (Index after = row_end; after > row_begin;) {
    const Index row = blocks.whole(after - 1);
    const RowUnit unit = make_unit(row, begin, end);
    if (after - row == 2) {
      substitute<2>(unit, begin, end);
      subtract_row(row + 1, row_begin, begin, end);
    } else {
      substitute<1>(unit, begin, end);
    }
    subtract_row(row, row_begin, begin, end);
    after = row;
  }
}

void SchurKernel::subtract_row(Index row, Index top, Index begin, Index end) {
  const auto& left = system_->left;
  const Index bottom = left.blocks.whole(row);
  if (bottom == top) return;
  for (std::size_t l = 1; l < left.matrices.size(); ++l) {
    if (left.matrices[l].block_diagonal) continue;
    const Combination sum = combine(l, row, row + 1, begin, end);
    if (sum.scale == 0) continue;
    const double* values = left.matrices[l].values.data() + row;
    for (Index i = top; i < bottom; ++i) {
      add(-sum.scale * values[i * left.extent], sum.values, slab_.at(i, begin), end - begin);
    }
  }
}

/// The eigenvalues of row unit i and column unit j are z_1 = Σ κ_r ν_r and z_2 = Σ κ_r conj(ν_r)
/// and their conjugates; their reciprocals e + if give the inverse in the same commuting units:
/// on N_i = N_j it is p - w + i(q + u), on N_i = -N_j it is p + w + i(q - u).
SchurKernel::RowUnit SchurKernel::make_unit(Index row, Index begin, Index end) const {
  const auto& blocks = system_->left.blocks;
  const auto& right = system_->right;
  const std::size_t count = right.matrices.size();
  RowUnit unit;
  unit.row = row;
  unit.upper = blocks.upper[at(row)];
  unit.lower = blocks.lower[at(row)];
  const std::size_t columns = at(end - begin);
  std::array<double, small + 1> even_real{}, odd_real{}, even_imaginary{}, odd_imaginary{};
  for (std::size_t r = 0; r < count; ++r) {
    const double a = row_real_[at(row) * count + r];
    const double b = row_imaginary_[at(row) * count + r];
    if (a == 0 && b == 0) continue;
    const double* c = column_real_.data() + r * at(right.extent) + at(begin);
    const double* d = column_imaginary_.data() + r * at(right.extent) + at(begin);
    for (std::size_t j = 0; j < columns; ++j) {
      even_real[j] += a * c[j];
      odd_real[j] += b * d[j];
      even_imaginary[j] += b * c[j];
      odd_imaginary[j] += a * d[j];
    }
  }
  for (std::size_t j = 0; j < columns; ++j) {
    const double real_1 = even_real[j] - odd_real[j];
    const double real_2 = even_real[j] + odd_real[j];
    const double imaginary_1 = even_imaginary[j] + odd_imaginary[j];
    const double imaginary_2 = even_imaginary[j] - odd_imaginary[j];
    const double half_1 = 0.5 / (real_1 * real_1 + imaginary_1 * imaginary_1);
    const double half_2 = 0.5 / (real_2 * real_2 + imaginary_2 * imaginary_2);
    unit.p[j] = real_1 * half_1 + real_2 * half_2;
    unit.w[j] = real_2 * half_2 - real_1 * half_1;
    unit.q[j] = -(imaginary_1 * half_1 + imaginary_2 * half_2);
    unit.u[j] = imaginary_2 * half_2 - imaginary_1 * half_1;
  }
  return unit;
}

/// Columns from the right: one, or the two of a pair.
template <int size>
void SchurKernel::substitute(const RowUnit& unit, Index begin, Index end) {
  const auto& right = system_->right;
  const std::size_t count = right.matrices.size();
  using Column = std::array<double, size>;
  const auto rotated = [&](const Column& x) {  // N_i x
    if constexpr (size == 1) {
      return Column{0.0};
    } else {
      return Column{unit.upper * x[1], unit.lower * x[0]};
    }
  };
  for (Index after = end; after > begin;) {
    const Index j = right.blocks.whole(after - 1);
    const Index width = after - j;
    std::array<Column, 2> rhs{};
    for (Index b = 0; b < width; ++b) {
      for (int a = 0; a < size; ++a) rhs[at(b)][at(a)] = *slab_.at(unit.row + a, j + b);
      for (std::size_t r = 1; r < count; ++r) {
        Column known;
        for (int a = 0; a < size; ++a) known[at(a)] = *z(r, unit.row + a, j + b);
        const Column turned = rotated(known);
        const double real = row_real_[at(unit.row) * count + r];
        const double imaginary = row_imaginary_[at(unit.row) * count + r];
        for (std::size_t a = 0; a < size; ++a) {
          rhs[at(b)][a] -= real * known[a] + imaginary * turned[a];
        }
      }
    }
    const std::size_t k = at(j - begin);
    std::array<Column, 2> mixed{};  // rhs N_jᵀ
    if (width == 2) {
      const double upper = right.blocks.upper[at(j)];
      const double lower = right.blocks.lower[at(j)];
      for (std::size_t a = 0; a < size; ++a) {
        mixed[0][a] = upper * rhs[1][a];
        mixed[1][a] = lower * rhs[0][a];
      }
    }
    for (Index b = 0; b < width; ++b) {
      const Column turned = rotated(rhs[at(b)]);
      const Column both = rotated(mixed[at(b)]);
      for (int a = 0; a < size; ++a) {
        const std::size_t s = at(a);
        const double value = unit.p[k] * rhs[at(b)][s] + unit.q[k] * turned[s] +
                             unit.u[k] * mixed[at(b)][s] + unit.w[k] * both[s];
        *slab_.at(unit.row + a, j + b) = value;
        for (std::size_t r = 1; r < count; ++r) {
          const double* values = right.matrices[r].values.data() + (j + b) * right.extent + begin;
          add(value, values, z(r, unit.row + a, begin), after - begin);
        }
      }
    }
    after = j;
  }
}

}  // namespace kronwerk::operators
