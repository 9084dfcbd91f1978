#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "kronwerk/operators/grids/kronecker_sum.hpp"

namespace kronwerk::operators {

/// A grid seen as rows x columns: the trailing modes that make one row, long enough that work per
/// row does not count and short enough that a table of a row stays in the cache. Depends on the
/// extents only, so that results do not depend on the number of ranks.
struct RowSplit {
  std::size_t leading_modes = 0;
  Index rows = 1;
  Index columns = 1;
};

inline RowSplit split_rows(std::span<const Index> extents) {
  constexpr Index long_enough = 2048;
  constexpr Index too_long = 16384;
  constexpr Index tolerable = 256;
  RowSplit split{extents.size(), 1, 1};
  while (split.leading_modes > 0 && split.columns < long_enough) {
    const Index longer = core::multiply(split.columns, extents[split.leading_modes - 1]);
    if (longer > too_long && split.columns >= tolerable) break;
    split.columns = longer;
    --split.leading_modes;
  }
  split.rows = core::product(extents.first(split.leading_modes));
  return split;
}

/// Calls work(first_row, rows, first_column, columns) for the range [begin, begin + count) of a
/// grid whose rows have `row_size` values: a partial row, whole rows, a partial row.
template <typename Work>
void for_row_pieces(Index row_size, Index begin, Index count, Work&& work) {
  const Index end = begin + count;
  while (begin < end) {
    const Index row = begin / row_size;
    const Index column = begin % row_size;
    const Index columns = std::min(row_size - column, end - begin);
    const Index rows = columns == row_size ? (end - begin) / row_size : 1;
    work(row, rows, column, columns);
    begin += rows * columns;
  }
}

/// Steps through the indices (i_1, …, i_m) of consecutive rows, last index fastest.
class RowIndex {
 public:
  RowIndex(std::span<const Index> extents, Index row) : extents_(extents), index_(extents.size()) {
    for (std::size_t mode = extents.size(); mode-- > 0;) {
      index_[mode] = row % extents[mode];
      row /= extents[mode];
    }
  }
  Index operator[](std::size_t mode) const { return index_[mode]; }
  void next() {
    for (std::size_t mode = index_.size(); mode-- > 0;) {
      if (++index_[mode] < extents_[mode]) return;
      index_[mode] = 0;
    }
  }

 private:
  std::span<const Index> extents_;
  std::vector<Index> index_;
};

/// A Kronecker sum of diagonals as s[row, column] = row_sum(row) + table[column].
class SumRows {
 public:
  explicit SumRows(Diagonals diagonals);

  const Extents& extents() const noexcept { return extents_; }
  const RowSplit& split() const noexcept { return split_; }
  std::span<const double> table() const noexcept { return table_; }
  /// The leading diagonals' sums for consecutive rows.
  void row_sums(Index first_row, std::span<double> sums) const;

 private:
  Diagonals diagonals_;
  Extents extents_;
  RowSplit split_;
  std::vector<double> table_;
};

}  // namespace kronwerk::operators
