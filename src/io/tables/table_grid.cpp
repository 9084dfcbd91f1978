#include "io/tables/table_grid.hpp"

#include <fmt/format.h>

#include "io/import/ids.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::io {
namespace {

template <typename Value>
void permute(std::vector<Value>& values, const std::vector<core::Index>& positions) {
  std::vector<Value> result;
  result.reserve(values.size());
  for (const auto position : positions) {
    result.push_back(std::move(values[static_cast<std::size_t>(position)]));
  }
  values = std::move(result);
}

void permute(RowIds& ids, const std::vector<core::Index>& positions) {
  permute(ids.ids, positions);
  permute(ids.lines, positions);
}

}  // namespace

double table_value(const CsvTable& table, core::Index row, std::size_t column,
                   const TableOptions& options) {
  return table.number(row, column, fmt::format("the value in column '{}'", table.header()[column]),
                      options.missing);
}

// The order file is about the rows if its first id is one of theirs, else about the columns.
void put_in_order(TableGrid& grid, const TableOptions& options) {
  if (options.order.file.empty()) return;
  const auto& file = grid.column_ids.file;
  const IdIndex rows(grid.row_ids.ids);
  const IdIndex columns(grid.column_ids.ids);
  const auto first = read_order(options.order, [&](const auto& id) {
                       return rows.contains(id) || columns.contains(id);
                     }).front();
  if (rows.contains(first)) {
    const auto positions = permutation(options.order, grid.row_ids.ids, file);
    permute(grid.row_ids, positions);
    for (auto& column : grid.columns) permute(column, positions);
    for (auto& texts : grid.texts) permute(texts.texts, positions);
    return;
  }
  if (!columns.contains(first)) {
    throw core::DataError(fmt::format("{}: '{}' is neither an id of a row nor a column of {}",
                                      options.order.file, first, file));
  }
  const auto positions = permutation(options.order, grid.column_ids.ids, file);
  permute(grid.column_ids, positions);
  permute(grid.columns, positions);
}

}  // namespace kronwerk::io
