#include "kronwerk/models/flow/columns.hpp"

namespace kronwerk::models {

void add_column(const FlowColumn& column, double weight, Index first, Index n_d,
                std::span<double> values) {
  const Index rows = std::ssize(values) / n_d;
  for (Index i = 0; i < rows; ++i) {
    double* row = values.data() + i * n_d;
    switch (column.kind) {
      case FlowColumn::Kind::kron: {
        const double scale = weight * column.origin[static_cast<std::size_t>(first + i)];
        for (Index j = 0; j < n_d; ++j)
          row[j] += scale * column.destination[static_cast<std::size_t>(j)];
        break;
      }
      case FlowColumn::Kind::diagonal:
        row[first + i] += weight * column.origin[static_cast<std::size_t>(first + i)];
        break;
      case FlowColumn::Kind::grid: {
        const double* grid = column.grid.data() + i * n_d;
        for (Index j = 0; j < n_d; ++j) row[j] += weight * grid[j];
        break;
      }
    }
  }
}

void add_columns(std::span<const FlowColumn> columns, std::span<const double> coefficients,
                 Index first, Index n_d, std::span<double> values) {
  for (std::size_t j = 0; j < columns.size(); ++j) {
    add_column(columns[j], coefficients[j], first, n_d, values);
  }
}

}  // namespace kronwerk::models
