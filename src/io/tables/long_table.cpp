// Declared in io/tables/table_grid.hpp.
// Tables with a row for each cell, such as station, date, speed.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "io/import/ids.hpp"
#include "io/tables/table_grid.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::io {
namespace {

using core::Index;

// All cells are in memory, twice.
constexpr Index most_cells = Index{1} << 28;

/// The different ids of a column in ascending order, as numbers if all of them are integers.
struct Axis {
  std::size_t column = 0;
  RowIds ids;
  std::vector<Index> of_row;  ///< position of the id of each row of the file
};

bool is_integer(const std::string& text) {
  return looks_numeric(text) &&
         text.find_first_not_of("0123456789", text[0] == '-' ? 1 : 0) == std::string::npos;
}

bool ascends(const std::string& a, const std::string& b) {
  const bool negative = a[0] == '-';
  if (negative != (b[0] == '-')) return negative;
  const auto shorter = a.size() != b.size() ? a.size() < b.size() : a < b;
  return negative ? (a != b && !shorter) : shorter;
}

Axis read_axis(const CsvTable& table, const std::string& name) {
  Axis axis;
  axis.column = table.column(name);
  std::map<std::string_view, Index> lines;
  for (Index row = 0; row < table.rows(); ++row) {
    const auto id = table.cell(row, axis.column);
    if (id.empty()) {
      throw_at(table.file(), table.line(row),
               fmt::format("the id in column '{}' is missing", name));
    }
    lines.emplace(id, table.line(row));
  }
  axis.ids = {table.file(), name, {}, {}};
  for (const auto& [id, line] : lines) axis.ids.ids.emplace_back(id);
  if (std::ranges::all_of(axis.ids.ids, is_integer)) std::ranges::sort(axis.ids.ids, ascends);
  for (const auto& id : axis.ids.ids) axis.ids.lines.push_back(lines.at(id));
  const IdIndex index(axis.ids.ids);
  for (Index row = 0; row < table.rows(); ++row) {
    axis.of_row.push_back(
        index.position(table.cell(row, axis.column), table.file(), table.line(row)));
  }
  return axis;
}

std::vector<std::size_t> value_columns(const CsvTable& table, const TableOptions& options,
                                       const Axis& rows, const Axis& columns) {
  std::vector<std::size_t> result;
  for (const auto& name : options.values) result.push_back(table.column(name));
  if (std::set(result.begin(), result.end()).size() < result.size()) {
    throw core::ConfigurationError("table: --values names a column twice");
  }
  if (result.empty()) {
    for (std::size_t column = 0; column < table.header().size(); ++column) {
      if (column != rows.column && column != columns.column) result.push_back(column);
    }
    if (result.size() != 1) {
      throw core::ConfigurationError(
          fmt::format("{}: name the column of the values by --values, or several; its columns are "
                      "{}",
                      table.file(), core::join(table.header(), ", ")));
    }
  }
  for (const auto column : result) table.require_name(column);
  return result;
}

/// One column of values in the cells of the grid.
class CellValues {
 public:
  CellValues(const CsvTable& table, const TableOptions& options, const Axis& rows,
             const Axis& columns)
      : table_(table), options_(options), rows_(rows), columns_(columns) {
    const auto cells = core::multiply(std::ssize(rows.ids.ids), std::ssize(columns.ids.ids));
    if (cells > most_cells) {
      throw core::ConfigurationError(fmt::format(
          "{}: {} values of '{}' and {} of '{}' make a grid of {} cells; at most {} are "
          "imported",
          table.file(), rows.ids.ids.size(), rows.ids.column, columns.ids.ids.size(),
          columns.ids.column, core::format_count(cells), core::format_count(most_cells)));
    }
    values_.resize(static_cast<std::size_t>(cells));
    lines_.resize(static_cast<std::size_t>(cells), 0);
  }

  void read(std::size_t column) {
    for (Index row = 0; row < table_.rows(); ++row) {
      const auto cell = cell_of(row);
      const double value = table_value(table_, row, column, options_);
      if (lines_[cell] != 0 && !options_.sum) {
        throw_at(table_.file(), table_.line(row),
                 fmt::format("the cell {} appears already in line {}; --sum adds the values of a "
                             "cell",
                             name_of(cell), lines_[cell]));
      }
      values_[cell] += value;
      lines_[cell] = table_.line(row);
    }
  }

  /// What the file does not list, too. @throws DataError if that was not said
  std::vector<std::vector<double>> columns() const {
    const auto absent = std::count(lines_.begin(), lines_.end(), 0);
    if (absent > 0 && !options_.fill) {
      const auto first = std::find(lines_.begin(), lines_.end(), 0) - lines_.begin();
      throw core::DataError(fmt::format(
          "{}: {} of {} cells of '{}' and '{}' have no row, {} first; --fill nan marks them as "
          "missing, --fill 0 makes them 0",
          table_.file(), core::format_count(absent), core::format_count(std::ssize(lines_)),
          rows_.ids.column, columns_.ids.column, name_of(static_cast<std::size_t>(first))));
    }
    const auto width = columns_.ids.ids.size();
    std::vector<std::vector<double>> result(width);
    for (std::size_t cell = 0; cell < values_.size(); ++cell) {
      result[cell % width].push_back(
          lines_[cell] != 0
              ? transformed(options_.transform, values_[cell], table_.file(), lines_[cell])
              : options_.fill.value_or(0));
    }
    return result;
  }

 private:
  std::size_t cell_of(Index row) const {
    const auto i = static_cast<std::size_t>(row);
    return static_cast<std::size_t>(rows_.of_row[i] * std::ssize(columns_.ids.ids) +
                                    columns_.of_row[i]);
  }
  std::string name_of(std::size_t cell) const {
    const auto width = columns_.ids.ids.size();
    return fmt::format("('{}', '{}')", rows_.ids.ids[cell / width], columns_.ids.ids[cell % width]);
  }

  const CsvTable& table_;
  const TableOptions& options_;
  const Axis& rows_;
  const Axis& columns_;
  std::vector<double> values_;
  std::vector<Index> lines_;  ///< where a cell was given last; 0: nowhere
};

}  // namespace

std::vector<TableGrid> read_long_table(const CsvTable& table, const TableOptions& options) {
  const Axis rows = read_axis(table, options.row_ids);
  const Axis columns = read_axis(table, options.column_ids);
  if (rows.column == columns.column) {
    throw core::ConfigurationError("table: --row-ids and --column-ids name the same column");
  }
  std::vector<TableGrid> grids;
  for (const auto column : value_columns(table, options, rows, columns)) {
    CellValues cells(table, options, rows, columns);
    cells.read(column);
    TableGrid& grid = grids.emplace_back();
    if (options.values.size() > 1) grid.name = table.header()[column];
    grid.rows = std::ssize(rows.ids.ids);
    grid.row_ids = rows.ids;
    grid.column_ids = columns.ids;
    grid.columns = cells.columns();
  }
  return grids;
}

}  // namespace kronwerk::io
