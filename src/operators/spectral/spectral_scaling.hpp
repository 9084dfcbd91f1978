#pragma once

#include "operators/spectral/spectral_grid.hpp"

namespace kronwerk::operators::spectral {

/// A piece of a vector as the rows and columns of a grid: value (i, j) of rows x columns is
/// data[(i - rows.begin) * row_stride + (j - columns.begin)].
struct Block {
  double* data = nullptr;
  Index row_stride = 0;
  Range rows;
  Range columns;
};

/// block <- Λ⁻¹ block, or Λ⁻ᵀ block. Entries that pairs couple must all be in the block. Local.
void divide_by(const SpectralGrid& grid, const Block& block, bool transposed);

/// block <- f(Λ) block, for a grid without pairs. Local.
void multiply_by_function(const SpectralGrid& grid, const SpectralFunction& function,
                          const Block& block);

}  // namespace kronwerk::operators::spectral
