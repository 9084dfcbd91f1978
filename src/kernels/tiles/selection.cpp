#include "kernels/tiles/selection.hpp"

#include <bit>
#include <cmath>
#include <limits>

namespace kronwerk::kernels {

template <typename T>
SelectionLists<T>::SelectionLists(Index rows, Index k)
    : k_(k),
      values_(static_cast<std::size_t>(core::multiply(rows, k))),
      indices_(values_.size()),
      sizes_(static_cast<std::size_t>(rows), 0) {}

template <typename T>
T SelectionLists<T>::threshold(Index row) const {
  return size(row) < k_ ? std::numeric_limits<T>::quiet_NaN() : value(row, k_ - 1);
}

template <typename T>
void SelectionLists<T>::offer(Index row, T new_value, std::int64_t new_index) {
  Index& size = sizes_[static_cast<std::size_t>(row)];
  const auto before = [&](Index place) {
    return new_value < value(row, place) ||
           (new_value == value(row, place) && new_index < index(row, place));
  };
  if (size == k_ && !before(k_ - 1)) return;
  Index place = size < k_ ? size++ : k_ - 1;
  for (; place > 0 && before(place - 1); --place) {
    values_[position(row, place)] = value(row, place - 1);
    indices_[position(row, place)] = index(row, place - 1);
  }
  values_[position(row, place)] = new_value;
  indices_[position(row, place)] = new_index;
}

template <typename T>
void Selections<T>::begin_rows(Index first, Index begin, Index end) {
  first_row_ = first;
  begin_ = begin;
  end_ = end;
  for (std::size_t s = 0; s < lists_.size(); ++s) {
    for (Index r = 0; r < row_group; ++r) {
      const bool wanted = first + r >= begin && first + r < end;
      // Nothing but NaN is below -infinity: rows that are not wanted cost nothing.
      thresholds_[s * static_cast<std::size_t>(row_group) + static_cast<std::size_t>(r)] =
          wanted ? lists_[s]->threshold(first + r) : -std::numeric_limits<T>::infinity();
    }
  }
}

template <typename T>
void Selections<T>::offer(Index selection, Index r, const T* values, unsigned bits, Index column) {
  const Index row = first_row_ + r;
  if (row < begin_ || row >= end_) return;
  const auto s = static_cast<std::size_t>(selection);
  SelectionLists<T>& lists = *lists_[s];
  for (; bits != 0; bits &= bits - 1) {
    const auto lane = static_cast<Index>(std::countr_zero(bits));
    const T value = values[lane];
    if (std::isnan(value)) {
      nan_count_ += counts_nan_[s] != 0 ? 1 : 0;
    } else {
      lists.offer(row, value, first_column_ + column + lane);
    }
  }
  thresholds_[s * static_cast<std::size_t>(row_group) + static_cast<std::size_t>(r)] =
      lists.threshold(row);
}

template class SelectionLists<double>;
template class SelectionLists<float>;
template class Selections<double>;
template class Selections<float>;

}  // namespace kronwerk::kernels
