#pragma once

#include "kronwerk/factors/sparse/sparse_rows.hpp"

namespace kronwerk::factors {

/// Doubles that pack_row_panels() writes at a multiple of 64 bytes.
Index row_panels_size(Index rows, Index cols);
/// Stores A (rows x cols, any strides) so that multiply_compressed_rows() finds each column of a
/// panel of rows in a few vectors; scaled.
void pack_row_panels(Index rows, Index cols, const double* a, Index row_stride, Index column_stride,
                     double scale, double* panels);
/// y = X Aᵀ; y is x.rows() x rows, row-major.
void multiply_compressed_rows(const CompressedRows& x, Index rows, Index cols, const double* panels,
                              double* y);

}  // namespace kronwerk::factors
