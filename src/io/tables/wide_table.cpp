// Declared in io/tables/table_grid.hpp.
// Tables with a row for each row.
#include <fmt/format.h>

#include <optional>
#include <set>

#include "io/import/ids.hpp"
#include "io/tables/table_grid.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::io {
namespace {

// A text, or a number without decimals.
bool is_code(std::string_view text) {
  return !text.empty() && (!looks_numeric(text) || text.find_first_of(".eE") == text.npos);
}

/// What is taken from the table.
struct Selection {
  std::vector<std::size_t> columns;       ///< numeric
  std::vector<std::size_t> text_columns;  ///< other than the ids
  std::optional<std::size_t> id_column;
};

// Codes in the first two columns that repeat while no pair of them does, and one column more: a row
// for each station and date, not a matrix.
void refuse_long_table(const CsvTable& table, const TableOptions& options,
                       const Selection& selection) {
  if (!options.columns.empty() || !options.id_column.empty() || table.header().size() < 3) return;
  std::set<std::string_view> first, second;
  std::set<std::pair<std::string_view, std::string_view>> pairs;
  for (core::Index row = 0; row < table.rows(); ++row) {
    const auto a = table.cell(row, 0), b = table.cell(row, 1);
    if (!is_code(a) || !is_code(b)) return;
    first.insert(a);
    second.insert(b);
    if (!pairs.emplace(a, b).second) return;
  }
  const auto rows = static_cast<std::size_t>(table.rows());
  if (2 * first.size() > rows || 2 * second.size() > rows || selection.columns.empty()) return;
  const auto& names = table.header();
  throw core::DataError(fmt::format(
      "{}: the columns '{}' and '{}' look like the ids of a table with a row for each pair of them "
      "({} and {} values in {} rows), and would become columns of numbers; --row-ids {} "
      "--column-ids "
      "{} --values {} make a grid of it, --columns names columns to take as they are",
      table.file(), names[0], names[1], first.size(), second.size(), rows, names[0], names[1],
      names[2]));
}

void refuse_decimal_commas(const CsvTable& table, const Selection& selection) {
  for (const auto column : selection.text_columns) {
    if (!table.has_decimal_commas(column)) continue;
    throw core::DataError(
        fmt::format("{}: the numbers of the column '{}' have decimal commas; --decimal-comma reads "
                    "them, --columns names columns to take without it",
                    table.file(), table.header()[column]));
  }
}

Selection select(const CsvTable& table, const TableOptions& options) {
  Selection selection;
  for (const auto& name : options.columns) selection.columns.push_back(table.column(name));
  const std::set<std::size_t> named(selection.columns.begin(), selection.columns.end());
  if (!options.id_column.empty() && options.id_column != "none") {
    selection.id_column = table.column(options.id_column);
  }
  for (std::size_t column = 0; column < table.header().size(); ++column) {
    if (column == selection.id_column || named.contains(column)) continue;
    if (table.is_numeric(column)) {
      if (options.columns.empty()) selection.columns.push_back(column);
    } else if (options.id_column.empty() && !selection.id_column &&
               !table.has_decimal_commas(column)) {
      selection.id_column = column;
    } else {
      selection.text_columns.push_back(column);
    }
  }
  if (options.columns.empty()) refuse_decimal_commas(table, selection);
  if (selection.columns.empty()) {
    throw core::DataError(
        fmt::format("{}: has no numeric column among '{}'; --separator says what separates columns",
                    table.file(), core::join(table.header(), "', '")));
  }
  table.require_names(selection.columns);
  refuse_long_table(table, options, selection);
  return selection;
}

}  // namespace

TableGrid read_wide_table(const CsvTable& table, const TableOptions& options) {
  const Selection selection = select(table, options);
  TableGrid grid;
  grid.rows = table.rows();
  if (selection.id_column) {
    grid.row_ids = {table.file(),
                    table.header()[*selection.id_column],
                    table.unique_ids(*selection.id_column),
                    {}};
    for (core::Index row = 0; row < table.rows(); ++row) {
      grid.row_ids.lines.push_back(table.line(row));
    }
  }
  grid.column_ids.file = table.file();
  for (const auto column : selection.columns) {
    grid.column_ids.ids.push_back(table.header()[column]);
    grid.column_ids.lines.push_back(1);
    auto& values = grid.columns.emplace_back();
    for (core::Index row = 0; row < table.rows(); ++row) {
      values.push_back(transformed(options.transform, table_value(table, row, column, options),
                                   table.file(), table.line(row)));
    }
  }
  for (const auto column : selection.text_columns) {
    auto& texts = grid.texts.emplace_back(RowTexts{table.header()[column], {}}).texts;
    for (core::Index row = 0; row < table.rows(); ++row)
      texts.emplace_back(table.cell(row, column));
  }
  return grid;
}

}  // namespace kronwerk::io
