#pragma once

#include "kernels/engine/side_evaluator.hpp"
#include "kernels/tiles/selection.hpp"

namespace kronwerk::kernels {

/// Runs compiled code over tiles: four rows by a tile of columns that stays in cache.
template <typename T>
class PairEvaluator {
 public:
  /// @param extra_columns  further column values that the caller fills in
  /// @param stored         tiles' values are stored: by the steps or, for products, here
  PairEvaluator(const Compiled& compiled, const Side& rows, Index extra_columns, bool stored);

  Index lanes() const noexcept { return tiles_.lanes; }
  /// Columns per tile, and from one column value to the next.
  Index stride() const noexcept { return stride_; }
  Index padded(Index columns) const {
    return (columns + tiles_.lanes - 1) / tiles_.lanes * tiles_.lanes;
  }
  void load_columns(const Side& columns, Index begin, Index count);
  T* extra_column(Index which) {
    return columns_.data() + (column_evaluator_.values() + which) * stride_;
  }

  /// The sums of the rows 4 group, …, 4 group + 3 over the columns of the tile: [sum][row].
  void run(Index group, bool ties, Context<T>& context, double* sums);
  /// The tile that run() left: row_group rows of stride() values.
  const T* tile() const noexcept { return tile_.data(); }
  const TileCode<T>& tiles() const noexcept { return tiles_; }

 private:
  static Index choose_stride(Index values, bool stored);

  TileCode<T> tiles_;
  Index accumulators_;
  Index products_;
  Index first_factor_;
  SideEvaluator row_evaluator_;
  SideEvaluator column_evaluator_;
  Index stride_;
  Index count_ = 0;
  BoundCode<T> code_;
  BoundCode<T> code_for_ties_;
  AlignedArray<T> rows_;
  AlignedArray<T> columns_;
  AlignedArray<T> slots_;
  AlignedArray<T> sums_;
  AlignedArray<T> tile_;
};

}  // namespace kronwerk::kernels
