#pragma once

#include "factors/sparse/sparse_arrays.hpp"
#include "factors/triangular/triangular.hpp"

namespace kronwerk::factors {

/// Row i - begin of `out` = Σ_j a_ij x_j for rows [begin, end); x has matrix.cols rows. Equal
/// widths.
void multiply_rows(const SparseView& matrix, Index begin, Index end, Panel x, Panel out);

/// Row j of `out` += Σ_i a_ij x_i over rows [begin, end); row i - begin of x is x_i. Equal widths.
void multiply_rows_transposed(const SparseView& matrix, Index begin, Index end, Panel x, Panel out);

}  // namespace kronwerk::factors
