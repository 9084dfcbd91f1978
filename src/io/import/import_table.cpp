// Declared in kronwerk/io/import/import.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <optional>
#include <set>

#include "io/hdf5/hdf5_handle.hpp"
#include "io/import/csv.hpp"
#include "io/import/ids.hpp"
#include "io/import/import_target.hpp"
#include "io/import/seasonal.hpp"
#include "kronwerk/io/files/data_file.hpp"

namespace kronwerk::io {

namespace {

// A text, or a number without decimals.
bool is_code(std::string_view text) {
  return !text.empty() && (!looks_numeric(text) || text.find_first_of(".eE") == text.npos);
}

/// What is taken from the table, and in which order.
struct Selection {
  std::vector<std::size_t> columns;       ///< numeric
  std::vector<std::size_t> text_columns;  ///< other than the ids
  std::optional<std::size_t> id_column;
  std::vector<std::string> row_ids;  ///< in the file's order
  std::vector<core::Index> rows;     ///< order of the rows
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
  throw core::DataError(fmt::format(
      "{}: the columns '{}' and '{}' look like the ids of a table with a row for each pair of them "
      "({} and {} values in {} rows), and would become columns of numbers; name those to take by "
      "--columns, or make it a matrix first",
      table.file(), table.header()[0], table.header()[1], first.size(), second.size(), rows));
}

Selection select(const CsvTable& table, const TableOptions& options) {
  Selection selection;
  for (const auto& name : options.columns) selection.columns.push_back(table.column(name));
  const std::set<std::size_t> named(selection.columns.begin(), selection.columns.end());
  if (!options.id_column.empty() && options.id_column != "none") {
    selection.id_column = table.column(options.id_column);
  }
  for (std::size_t column = 0; column < table.header().size(); ++column) {
    if (column == selection.id_column) continue;
    if (named.contains(column)) continue;
    if (!table.is_numeric(column)) {
      if (options.id_column.empty() && !selection.id_column) {
        selection.id_column = column;
      } else {
        selection.text_columns.push_back(column);
      }
    } else if (options.columns.empty()) {
      selection.columns.push_back(column);
    }
  }
  if (selection.columns.empty()) {
    throw core::DataError(fmt::format("{}: has no numeric column", table.file()));
  }
  table.require_names(selection.columns);
  refuse_long_table(table, options, selection);
  if (selection.id_column) selection.row_ids = table.unique_ids(*selection.id_column);
  selection.rows.resize(static_cast<std::size_t>(table.rows()));
  std::iota(selection.rows.begin(), selection.rows.end(), core::Index{0});
  return selection;
}

// The order file is about the rows if its first id is one of theirs, else about the columns.
void reorder(const CsvTable& table, const TableOptions& options, Selection& selection) {
  if (options.order.file.empty()) return;
  std::vector<std::string> names;
  for (const auto column : selection.columns) names.push_back(table.header()[column]);
  const IdIndex rows(selection.row_ids);
  const IdIndex columns_by_name(names);
  const auto first = read_order(options.order, [&](const auto& id) {
                       return rows.contains(id) || columns_by_name.contains(id);
                     }).front();
  if (rows.contains(first)) {
    selection.rows = permutation(options.order, selection.row_ids, table.file());
    return;
  }
  if (!columns_by_name.contains(first)) {
    throw core::DataError(fmt::format("{}: '{}' is neither an id of a row nor a column of {}",
                                      options.order.file, first, table.file()));
  }
  const auto columns = selection.columns;
  selection.columns.clear();
  for (const auto position : permutation(options.order, names, table.file())) {
    selection.columns.push_back(columns[static_cast<std::size_t>(position)]);
  }
}

std::vector<double> column_values(const CsvTable& table, const TableOptions& options,
                                  const Selection& selection, std::size_t column) {
  const auto values = table.numbers(column);
  std::vector<double> result;
  result.reserve(values.size());
  for (const auto row : selection.rows) {
    result.push_back(transformed(options.transform, values[static_cast<std::size_t>(row)],
                                 table.file(), table.line(row)));
  }
  return result;
}

/// The numbers as they are stored.
struct Values {
  std::vector<std::vector<double>> columns;  ///< in the order of Selection::columns
  std::vector<double> seasonal_mean;         ///< taken from each row; empty: nothing was
  std::vector<double> time;                  ///< days since the first row; empty: not asked for
};

Values read_values(const CsvTable& table, const TableOptions& options, const Selection& selection) {
  Values values;
  for (const auto column : selection.columns) {
    values.columns.push_back(column_values(table, options, selection, column));
  }
  if (!options.remove_seasonal_mean && options.time_path.empty()) return values;
  if (!selection.id_column) {
    throw core::ConfigurationError(fmt::format(
        "{}: the dates of the rows are wanted, but there is no id column; name theirs with "
        "--id-column",
        table.file()));
  }
  const auto dates = RowDates::read(table, *selection.id_column, selection.rows);
  if (!options.time_path.empty()) values.time = dates.since_first();
  if (!options.remove_seasonal_mean) return values;
  values.seasonal_mean = seasonal_mean(dates, values.columns, options.harmonics, table.file());
  for (auto& column : values.columns) {
    for (std::size_t i = 0; i < column.size(); ++i) column[i] -= values.seasonal_mean[i];
  }
  return values;
}

std::vector<std::string> column_texts(const CsvTable& table, const Selection& selection,
                                      std::size_t column) {
  std::vector<std::string> result;
  for (const auto row : selection.rows) result.emplace_back(table.cell(row, column));
  return result;
}

// A column's name as part of a path.
std::string path_name(const std::string& name) {
  std::string result = name.empty() ? "unnamed" : name;
  std::replace(result.begin(), result.end(), '/', '_');
  return result;
}

std::string source_of(const TableOptions& options) {
  return "table " + std::filesystem::path(options.file).filename().string();
}

core::Index nonzeros(const std::vector<double>& values) {
  return std::count_if(values.begin(), values.end(), [](double value) { return value != 0.0; });
}

// What belongs to the rows and is no column of the table.
void store_row_values(const TableOptions& options, const std::string& seasonal_mean_path,
                      const Values& values, DataFile& file, ImportSummary& summary) {
  const auto store = [&](const std::string& path, const std::vector<double>& numbers) {
    file.write_dense(path, core::Extents{static_cast<core::Index>(numbers.size())}, numbers);
    file.write_attribute(path, "source", source_of(options));
    summary.datasets.push_back(path);
  };
  if (!values.seasonal_mean.empty()) {
    store(seasonal_mean_path, values.seasonal_mean);
    file.write_attribute(seasonal_mean_path, "harmonics", options.harmonics);
    const auto [least, most] =
        std::minmax_element(values.seasonal_mean.begin(), values.seasonal_mean.end());
    summary.notes.push_back(fmt::format("a seasonal mean of {:.4g} to {:.4g} was taken away: {}",
                                        *least, *most, seasonal_mean_path));
  }
  if (!values.time.empty()) store(normalised_path(options.time_path), values.time);
}

ImportSummary store_separately(const CsvTable& table, const TableOptions& options,
                               const Selection& selection, const Values& values) {
  const auto root = normalised_path(options.target.location.dataset);
  const std::string prefix = root == "/" ? "/" : root + "/";
  ImportSummary summary;
  summary.location = {options.target.location.file, root};
  summary.shape = {table.rows(), static_cast<core::Index>(selection.columns.size())};
  DataFile file(options.target.location.file, options.target.overwrite, options.target.stop);
  for (std::size_t j = 0; j < values.columns.size(); ++j) {
    const auto path = prefix + path_name(table.header()[selection.columns[j]]);
    file.write_dense(path, core::Extents{table.rows()}, values.columns[j]);
    file.write_attribute(path, "source", source_of(options));
    summary.stored += nonzeros(values.columns[j]);
    summary.datasets.push_back(path);
  }
  store_row_values(options, prefix + "seasonal_mean", values, file, summary);
  auto texts = selection.text_columns;
  if (selection.id_column) texts.push_back(*selection.id_column);
  for (const auto column : texts) {
    const auto path = prefix + path_name(table.header()[column]);
    file.write_strings(path, column_texts(table, selection, column));
    summary.datasets.push_back(path);
  }
  file.commit();
  return summary;
}

std::vector<double> matrix_of(const std::vector<std::vector<double>>& columns, bool transpose) {
  const auto rows = columns.front().size();
  std::vector<double> values(rows * columns.size());
  for (std::size_t j = 0; j < columns.size(); ++j) {
    for (std::size_t i = 0; i < rows; ++i) {
      values[transpose ? j * rows + i : i * columns.size() + j] = columns[j][i];
    }
  }
  return values;
}

void store_labels(const CsvTable& table, const TableOptions& options, const Selection& selection,
                  DataFile& file, ImportSummary& summary) {
  const auto& path = summary.location.dataset;
  const auto store = [&](const std::string& name, const std::vector<std::string>& values) {
    file.write_strings(path + name, values);
    summary.datasets.push_back(path + name);
  };
  if (selection.id_column) {
    store(options.transpose ? "_column_ids" : "_row_ids",
          column_texts(table, selection, *selection.id_column));
  }
  std::vector<std::string> names;
  for (const auto column : selection.columns) names.push_back(table.header()[column]);
  store(options.transpose ? "_row_ids" : "_column_ids", names);
  for (const auto column : selection.text_columns) {
    store("_" + path_name(table.header()[column]), column_texts(table, selection, column));
  }
}

ImportSummary store_matrix(const CsvTable& table, const TableOptions& options,
                           const Selection& selection, const Values& values) {
  const auto path = normalised_path(options.target.location.dataset);
  const auto matrix = matrix_of(values.columns, options.transpose);
  ImportSummary summary;
  summary.location = {options.target.location.file, path};
  summary.shape = {table.rows(), static_cast<core::Index>(selection.columns.size())};
  if (options.transpose) std::swap(summary.shape[0], summary.shape[1]);
  if (options.columns.size() == 1) summary.shape = {table.rows()};
  summary.stored = nonzeros(matrix);
  summary.datasets = {path};
  DataFile file(options.target.location.file, options.target.overwrite, options.target.stop);
  file.write_dense(path, summary.shape, matrix);
  file.write_attribute(path, "source", source_of(options));
  store_labels(table, options, selection, file, summary);
  store_row_values(options, path + "_seasonal_mean", values, file, summary);
  file.commit();
  return summary;
}

}  // namespace

ImportSummary import_table(const TableOptions& options) {
  refuse_target_among(options.target, {options.file, options.order.file});
  if (options.separate && options.transpose) {
    throw core::ConfigurationError(
        "table: --transpose is about a matrix; it has no meaning with one dataset a column");
  }
  const auto table = CsvTable::read(options.file, options.header);
  auto selection = select(table, options);
  reorder(table, options, selection);
  const auto values = read_values(table, options, selection);
  return options.separate ? store_separately(table, options, selection, values)
                          : store_matrix(table, options, selection, values);
}

}  // namespace kronwerk::io
