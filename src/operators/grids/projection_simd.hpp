#pragma once

#include "operators/base/double_double.hpp"
#include "operators/grids/kronecker_sum_simd.hpp"

namespace kronwerk::operators {

/// Where the sums of a tile are added: per column as high and low parts, per row, and Σ x².
struct TileSums {
  double* column_high = nullptr;
  double* column_low = nullptr;
  DoubleDouble* rows = nullptr;
  DoubleDouble* squares = nullptr;
};

/// Sums of x[r, c] = values[r * stride + c] over rows and columns, in one pass.
///
/// At most eight values are added plainly before a compensated addition, in a tree of depth three;
/// `careful`: at most two.
void sum_tile(const double* values, core::Index stride, core::Index rows, core::Index columns,
              const TileSums& sums, bool careful = false);

/// The same for x[r, c] = 1 / (row_sums[r] + table[c]).
void sum_reciprocals(const SumTile& tile, const TileSums& sums);

}  // namespace kronwerk::operators
