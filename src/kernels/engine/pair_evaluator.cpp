#include "kernels/engine/pair_evaluator.hpp"

#include <algorithm>

namespace kronwerk::kernels {

// At most half of the first-level cache, and few enough columns for the sums in float: of n
// positive terms one after the other the sum is off by n/2 roundings at most. Tiles that are
// multiplied are used often enough to live in the second-level cache, and better wide: each row
// ends in a sum over lanes.
template <typename T>
Index PairEvaluator<T>::choose_stride(Index values, bool stored) {
  const Index cache = stored ? 262144 : 24576;
  constexpr Index step = 64;
  const Index most = stored || sizeof(T) == sizeof(float) ? 512 : 1024;
  const Index fitting = cache / (std::max<Index>(1, values) * static_cast<Index>(sizeof(T)));
  return std::clamp(fitting / step * step, 2 * step, most);
}

template <typename T>
PairEvaluator<T>::PairEvaluator(const Compiled& compiled, const Side& rows, Index extra_columns,
                                bool stored)
    : tiles_(tile_code<T>()),
      accumulators_(compiled.accumulators),
      products_(compiled.products),
      first_factor_(compiled.first_factor),
      row_evaluator_(compiled.rows),
      column_evaluator_(compiled.columns),
      stride_(choose_stride(column_evaluator_.values() + extra_columns, stored || products_ > 0)),
      code_(compiled.code, tiles_, stride_, 1, false),
      code_for_ties_(compiled.code, tiles_, stride_, 1, true),
      rows_((rows.count + row_group - 1) / row_group * row_group * row_evaluator_.values()),
      columns_((column_evaluator_.values() + extra_columns) * stride_),
      slots_(compiled.slots * row_group * tiles_.lanes),
      sums_(compiled.accumulators * row_group * tiles_.lanes),
      tile_(stored || products_ > 0 ? row_group * stride_ : 0) {
  if (rows.count > 0) row_evaluator_.rows(rows, rows_.data());
}

template <typename T>
void PairEvaluator<T>::load_columns(const Side& columns, Index begin, Index count) {
  count_ = count;
  column_evaluator_.columns(columns, begin, count, stride_, columns_.data());
}

template <typename T>
void PairEvaluator<T>::run(Index group, bool ties, Context<T>& context, double* sums) {
  std::fill_n(sums_.data(), sums_.size(), T{0});
  context.accumulators = sums_.data();
  context.slots = slots_.data();
  context.lanes = tiles_.lanes;
  context.tile = tile_.data();
  context.tile_stride = stride_;
  const BoundCode<T>& code = ties ? code_for_ties_ : code_;
  tiles_.run(code.main.data(), code.tail.data(), count_, 1, columns_.data(),
             rows_.data() + group * row_evaluator_.values() * row_group, context);
  tiles_.add_lanes(sums_.data(), accumulators_, sums);
  if (products_ == 0) return;
  sums += accumulators_ * row_group;
  std::fill_n(sums, products_ * row_group, 0.0);
  tiles_.multiply(tile_.data(), columns_.data() + first_factor_ * stride_, stride_, count_,
                  products_, sums, 1, row_group);
}

template class PairEvaluator<double>;
template class PairEvaluator<float>;

}  // namespace kronwerk::kernels
