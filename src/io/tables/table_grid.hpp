#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "io/text/csv.hpp"
#include "kronwerk/io/import/import.hpp"

namespace kronwerk::io {

/// The ids of some rows, and where they are said first.
struct RowIds {
  std::string file;
  std::string column;  ///< its name
  std::vector<std::string> ids;
  std::vector<core::Index> lines;  ///< one per id

  bool empty() const noexcept { return ids.empty(); }
};

/// A text of every row that is no id.
struct RowTexts {
  std::string name;
  std::vector<std::string> texts;
};

/// What a table becomes: columns of numbers over rows, before they are put in another order.
struct TableGrid {
  std::string name;  ///< of the dataset below the target's path; empty: the target itself
  core::Index rows = 0;
  RowIds row_ids;  ///< may have none
  RowIds column_ids;
  std::vector<std::vector<double>> columns;
  std::vector<RowTexts> texts;
};

/// A row per row of the file. @throws as import_table
TableGrid read_wide_table(const CsvTable& table, const TableOptions& options);

/// A row of the file per cell: one grid for each column of values. @throws as import_table
std::vector<TableGrid> read_long_table(const CsvTable& table, const TableOptions& options);

/// The number in a cell, not transformed; NaN where it is missing and `options` allow that.
/// @throws DataError with file and line
double table_value(const CsvTable& table, core::Index row, std::size_t column,
                   const TableOptions& options);

/// Rows or columns in the order that the options name, if they do. @throws DataError for other ids
void put_in_order(TableGrid& grid, const TableOptions& options);

}  // namespace kronwerk::io
