#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::models {

using core::Index;

/// A column z of a flow model's design over n_o origins and n_d destinations, as a matrix of that
/// shape: u vᵀ, diag(u), or a whole grid. Never stored as N numbers unless it is a grid.
struct FlowColumn {
  enum class Kind { kron, diagonal, grid };
  Kind kind = Kind::kron;
  std::string text;                 ///< as the user wrote it
  std::vector<double> origin;       ///< u: n_o values
  std::vector<double> destination;  ///< v: n_d values
  std::vector<double> grid;         ///< this rank's rows, n_d values each
};

/// values += weight · z on the rows [first, first + rows) of origins, n_d values each. Local.
/// @param first  also where the column's own grid begins
void add_column(const FlowColumn& column, double weight, Index first, Index n_d,
                std::span<double> values);
/// values = the cells [first, first + count) of every column, on this rank's rows from `first_row`
/// on: column j from values + j · lead on. Local.
void fill_columns(std::span<const FlowColumn> columns, Index first_row, Index n_d,
                  std::size_t first, std::size_t count, double* values, std::size_t lead);
/// ⟨z_j, values⟩ on this rank's rows, for every column, in one pass. Local.
std::vector<double> column_products(std::span<const FlowColumn> columns, Index first_row, Index n_d,
                                    std::span<const double> values);
/// values += Z δ likewise. Local.
void add_columns(std::span<const FlowColumn> columns, std::span<const double> coefficients,
                 Index first, Index n_d, std::span<double> values);

}  // namespace kronwerk::models
