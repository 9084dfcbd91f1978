#include "kronwerk/models/flow/columns.hpp"

#include <cblas.h>

#include <algorithm>

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

void fill_columns(std::span<const FlowColumn> columns, Index first_row, Index n_d,
                  std::size_t first, std::size_t count, double* values, std::size_t lead) {
  const auto width = static_cast<std::size_t>(n_d);
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const FlowColumn& column = columns[c];
    double* target = values + c * lead;
    if (column.kind == FlowColumn::Kind::grid) {
      std::copy_n(column.grid.begin() + static_cast<Index>(first), count, target);
      continue;
    }
    for (std::size_t done = 0; done < count;) {
      const std::size_t row = (first + done) / width;
      const std::size_t from = (first + done) % width;
      const std::size_t length = std::min(width - from, count - done);
      const std::size_t origin = static_cast<std::size_t>(first_row) + row;
      const double u = column.origin[origin];
      if (column.kind == FlowColumn::Kind::kron) {
        for (std::size_t j = 0; j < length; ++j) {
          target[done + j] = u * column.destination[from + j];
        }
      } else {
        std::fill_n(target + done, length, 0.0);
        if (origin >= from && origin < from + length) target[done + origin - from] = u;
      }
      done += length;
    }
  }
}

std::vector<double> column_products(std::span<const FlowColumn> columns, Index first_row, Index n_d,
                                    std::span<const double> values) {
  std::vector<double> products(columns.size(), 0.0);
  const auto length = static_cast<int>(n_d);
  for (Index i = 0; i < std::ssize(values) / n_d; ++i) {
    const double* row = values.data() + i * n_d;
    const auto origin = static_cast<std::size_t>(first_row + i);
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const FlowColumn& column = columns[c];
      switch (column.kind) {
        case FlowColumn::Kind::kron:
          products[c] +=
              column.origin[origin] * cblas_ddot(length, row, 1, column.destination.data(), 1);
          break;
        case FlowColumn::Kind::diagonal:
          products[c] += column.origin[origin] * row[origin];
          break;
        case FlowColumn::Kind::grid:
          products[c] += cblas_ddot(length, row, 1, column.grid.data() + i * n_d, 1);
          break;
      }
    }
  }
  return products;
}

void add_columns(std::span<const FlowColumn> columns, std::span<const double> coefficients,
                 Index first, Index n_d, std::span<double> values) {
  for (std::size_t j = 0; j < columns.size(); ++j) {
    add_column(columns[j], coefficients[j], first, n_d, values);
  }
}

}  // namespace kronwerk::models
