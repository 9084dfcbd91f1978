#pragma once

#include <cstdint>
#include <vector>

#include "kernels/tiles/tile_dispatch.hpp"

namespace kronwerk::kernels {

/// The k least values of every row and where they are, ascending, the lower index first where
/// values are equal.
template <typename T>
class SelectionLists {
 public:
  SelectionLists(Index rows, Index k);

  Index k() const noexcept { return k_; }
  void offer(Index row, T value, std::int64_t index);
  /// A value that does not belong in the list of that row compares not less than this; NaN (which
  /// nothing compares with) as long as the list is not full.
  T threshold(Index row) const;
  Index size(Index row) const { return sizes_[static_cast<std::size_t>(row)]; }
  T value(Index row, Index place) const { return values_[position(row, place)]; }
  std::int64_t index(Index row, Index place) const { return indices_[position(row, place)]; }

 private:
  std::size_t position(Index row, Index place) const {
    return static_cast<std::size_t>(row * k_ + place);
  }
  Index k_;
  std::vector<T> values_;
  std::vector<std::int64_t> indices_;
  std::vector<Index> sizes_;
};

/// What the steps of a run need of the lists: the rows of the run, its columns' indices, and the
/// thresholds of the four rows.
template <typename T>
class Selections {
 public:
  void add(SelectionLists<T>* lists, bool counts_nan) {
    lists_.push_back(lists);
    counts_nan_.push_back(counts_nan);
    thresholds_.resize(lists_.size() * static_cast<std::size_t>(row_group));
  }
  bool empty() const noexcept { return lists_.empty(); }
  const T* thresholds() const noexcept { return thresholds_.data(); }
  void begin_tile(std::int64_t first_column) { first_column_ = first_column; }
  /// The rows first, …, first + 3, of which those outside [begin, end) are not wanted.
  void begin_rows(Index first, Index begin, Index end);
  /// Values of row first + r, at those of the columns from `column` (in the tile) on whose bits are
  /// set.
  void offer(Index selection, Index r, const T* values, unsigned bits, Index column);
  Index nan_count() const noexcept { return nan_count_; }

 private:
  std::vector<SelectionLists<T>*> lists_;
  std::vector<char> counts_nan_;
  std::vector<T> thresholds_;
  std::int64_t first_column_ = 0;
  Index first_row_ = 0;
  Index begin_ = 0;
  Index end_ = 0;
  Index nan_count_ = 0;
};

}  // namespace kronwerk::kernels
