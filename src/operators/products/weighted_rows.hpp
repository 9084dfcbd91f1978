#pragma once

#include <span>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::operators {

struct WeightedRow {
  double weight;
  const double* row;
};

/// y = Σ weight_k row_k, or y += …, over `length` entries; y = 0 (or unchanged) for no rows. One
/// sweep over y whatever the number of rows, which y must not overlap. Local.
void combine_rows(std::span<const WeightedRow> rows, double* y, core::Index length,
                  bool accumulate);

}  // namespace kronwerk::operators
