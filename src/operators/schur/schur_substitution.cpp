#include "operators/schur/schur_substitution.hpp"

#include <cblas.h>

#include <algorithm>
#include <array>

namespace kronwerk::operators {
namespace {

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

SchurKernel::SchurKernel(const SchurSystem& system, Index panel_rows, Index columns)
    : system_(&system) {
  const auto& left = system.left;
  const auto& right = system.right;
  const std::size_t count = right.matrices.size();
  row_blocks_.resize(at(left.extent) * count);
  for (Index i = 0; i < left.extent; ++i) {
    for (std::size_t l = 0; l < left.matrices.size(); ++l) {
      const bool pair = left.blocks.splits(i + 1);
      const auto entry = [&](Index row, Index column) { return left.entry(l, row, column); };
      for (std::size_t r = 0; r < count; ++r) {
        const double coefficient = system.coefficient(l, r);
        if (coefficient == 0) continue;
        Block& block = row_blocks_[at(i) * count + r];
        block.a += coefficient * entry(i, i);
        if (!pair) continue;
        block.b += coefficient * entry(i, i + 1);
        block.c += coefficient * entry(i + 1, i);
        block.d += coefficient * entry(i + 1, i + 1);
      }
    }
  }
  for (const auto& matrix : right.matrices) coupled_ = coupled_ || !matrix.block_diagonal;
  columns_.matrices.resize(count);
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
  gather_columns(begin, end);
  for (Index after = row_end; after > row_begin;) {
    const Index row = blocks.whole(after - 1);
    if (after - row == 2) {
      substitute<2>(row, begin, end);
      subtract_row(row + 1, row_begin, begin, end);
    } else {
      substitute<1>(row, begin, end);
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

void SchurKernel::gather_columns(Index begin, Index end) {
  const auto& right = system_->right;
  columns_.singles = columns_.pairs = 0;
  for (Index j = begin; j < end; ++j) {
    const bool pair = right.blocks.splits(j + 1);
    const std::size_t place = at(pair ? columns_.pairs++ : columns_.singles++);
    for (std::size_t r = 0; r < right.matrices.size(); ++r) {
      auto& blocks = columns_.matrices[r];
      if (!pair) {
        blocks.single[place] = right.entry(r, j, j);
        continue;
      }
      // What is stored is R_rᵀ.
      blocks.pair[0][place] = right.entry(r, j, j);
      blocks.pair[1][place] = right.entry(r, j + 1, j);
      blocks.pair[2][place] = right.entry(r, j, j + 1);
      blocks.pair[3][place] = right.entry(r, j + 1, j + 1);
    }
    if (pair) ++j;
  }
  // What fills the lanes up is computed with and never used.
  for (auto& blocks : columns_.matrices) {
    for (Index k = columns_.singles; k % lanes != 0; ++k) blocks.single[at(k)] = 1;
    for (Index k = columns_.pairs; k % lanes != 0; ++k) {
      for (auto& entry : blocks.pair) entry[at(k)] = 1;
    }
  }
}

/// Σ_r K_r ⊗ R_r of a row unit's blocks K_r and every column unit's, factorised.
template <int size>
SchurKernel::RowSystems<size> SchurKernel::make_systems(Index row) const {
  const std::size_t count = columns_.matrices.size();
  RowSystems<size> systems;
  const auto for_each_block = [&](const auto& use) {
    for (std::size_t r = 0; r < count; ++r) {
      const Block& block = row_blocks_[at(row) * count + r];
      if (block.a == 0 && block.b == 0 && block.c == 0 && block.d == 0) continue;
      use(std::array<double, 4>{block.a, block.b, block.c, block.d}, columns_.matrices[r]);
    }
  };
  for (Index first = 0; first < columns_.singles; first += lanes) {
    auto& target = systems.single[at(first / lanes)];
    target.clear();
    for_each_block([&](const std::array<double, 4>& left, const ColumnBlocks::OfMatrix& right) {
      for (int k = 0; k < size * size; ++k) {
        double* sum = target.at(k / size, k % size);
        const double* factor = right.single.data() + first;
        for (int lane = 0; lane < lanes; ++lane) sum[lane] += left[at(k)] * factor[lane];
      }
    });
    target.factorise();
  }
  for (Index first = 0; first < columns_.pairs; first += lanes) {
    auto& target = systems.pair[at(first / lanes)];
    target.clear();
    for_each_block([&](const std::array<double, 4>& left, const ColumnBlocks::OfMatrix& right) {
      for (int k = 0; k < size * size; ++k) {
        for (int m = 0; m < 4; ++m) {
          double* sum = target.at(k / size * 2 + m / 2, k % size * 2 + m % 2);
          const double* factor = right.pair[at(m)].data() + first;
          for (int lane = 0; lane < lanes; ++lane) sum[lane] += left[at(k)] * factor[lane];
        }
      }
    });
    target.factorise();
  }
  return systems;
}

/// Columns from the right: one, or the two of a pair.
template <int size>
void SchurKernel::substitute(Index row, Index begin, Index end) {
  const RowSystems<size> systems = make_systems<size>(row);
  Index single = columns_.singles;
  Index pair = columns_.pairs;
  for (Index after = end; after > begin;) {
    const Index j = system_->right.blocks.whole(after - 1);
    if (after - j == 2) {
      --pair;
      solve_unit<size, 2>(systems.pair[at(pair / lanes)], static_cast<int>(pair % lanes), row, j,
                          begin);
    } else {
      --single;
      solve_unit<size, 1>(systems.single[at(single / lanes)], static_cast<int>(single % lanes), row,
                          j, begin);
    }
    after = j;
  }
}

template <int size, int width>
void SchurKernel::solve_unit(const SmallSystems<size * width>& systems, int lane, Index row,
                             Index column, Index begin) {
  const auto& right = system_->right;
  const std::size_t count = right.matrices.size();
  std::array<double, size * width> values;
  for (int a = 0; a < size; ++a) {
    for (int b = 0; b < width; ++b) values[at(a * width + b)] = *slab_.at(row + a, column + b);
  }
  for (std::size_t r = 1; r < count; ++r) {
    const Block& block = row_blocks_[at(row) * count + r];
    for (int b = 0; b < width; ++b) {
      const double first = *z(r, row, column + b);
      values[at(b)] -= block.a * first;
      if constexpr (size == 2) {
        const double second = *z(r, row + 1, column + b);
        values[at(b)] -= block.b * second;
        values[at(width + b)] -= block.c * first + block.d * second;
      }
    }
  }
  systems.solve(lane, values.data());
  for (int b = 0; b < width; ++b) {
    for (int a = 0; a < size; ++a) {
      const double value = values[at(a * width + b)];
      *slab_.at(row + a, column + b) = value;
      for (std::size_t r = 1; r < count; ++r) {
        const double* entries =
            right.matrices[r].values.data() + (column + b) * right.extent + begin;
        add(value, entries, z(r, row + a, begin), column + width - begin);
      }
    }
  }
}

}  // namespace kronwerk::operators
