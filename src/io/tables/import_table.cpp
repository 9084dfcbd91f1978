// Declared in kronwerk/io/import/import.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "io/hdf5/hdf5_handle.hpp"
#include "io/import/ids.hpp"
#include "io/import/import_target.hpp"
#include "io/tables/seasonal.hpp"
#include "io/tables/table_grid.hpp"
#include "io/text/csv.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/io/files/data_file.hpp"

namespace kronwerk::io {

namespace {

/// What is stored beside a grid.
struct RowValues {
  std::vector<double> seasonal_mean;  ///< taken from each row; empty: nothing was
  std::vector<double> time;           ///< days since the first row; empty: not asked for
};

RowValues take_dates(TableGrid& grid, const TableOptions& options) {
  RowValues result;
  if (!options.remove_seasonal_mean && options.time_path.empty()) return result;
  const auto& file = grid.column_ids.file;
  if (grid.row_ids.empty()) {
    throw core::ConfigurationError(fmt::format(
        "{}: the dates of the rows are wanted, but there is no id column; name theirs with "
        "--id-column",
        file));
  }
  if (!options.time_path.empty()) {
    const bool rows = is_date(grid.row_ids.ids.front());
    const bool columns = !rows && is_date(grid.column_ids.ids.front());
    if (!rows && !columns) {
      throw core::DataError(fmt::format(
          "{}: --time takes dates such as 1961-01-31 or 1961-01-31 06:00; neither the ids of the "
          "rows ('{}', …) nor those of the columns ('{}', …) are",
          file, grid.row_ids.ids.front(), grid.column_ids.ids.front()));
    }
    result.time = RowDates::read(columns ? grid.column_ids : grid.row_ids).since_first();
  }
  if (!options.remove_seasonal_mean) return result;
  const auto dates = RowDates::read(grid.row_ids);
  for (const auto& column : grid.columns) {
    if (std::ranges::none_of(column, [](double value) { return std::isnan(value); })) continue;
    throw core::ConfigurationError(fmt::format(
        "{}: has missing values; a seasonal mean over all columns needs all of them", file));
  }
  result.seasonal_mean = seasonal_mean(dates, grid.columns, options.harmonics, file);
  for (auto& column : grid.columns) {
    for (std::size_t i = 0; i < column.size(); ++i) column[i] -= result.seasonal_mean[i];
  }
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

/// The datasets of an import, and what is said of them.
class TableOutput {
 public:
  explicit TableOutput(const TableOptions& options)
      : options_(options),
        file_(options.target.location.file, options.target.overwrite, options.target.stop) {
    summary_.location = {options.target.location.file,
                         normalised_path(options.target.location.dataset)};
  }

  void store_separately(const TableGrid& grid, const RowValues& values) {
    const auto& root = summary_.location.dataset;
    const std::string prefix = root == "/" ? "/" : root + "/";
    summary_.shape = {grid.rows, std::ssize(grid.columns)};
    for (std::size_t j = 0; j < grid.columns.size(); ++j) {
      store(prefix + path_name(grid.column_ids.ids[j]), core::Extents{grid.rows}, grid.columns[j]);
      summary_.stored += nonzeros(grid.columns[j]);
    }
    store_row_values(prefix + "seasonal_mean", values);
    for (const auto& texts : grid.texts) store(prefix + path_name(texts.name), texts.texts);
    if (!grid.row_ids.empty()) store(prefix + path_name(grid.row_ids.column), grid.row_ids.ids);
  }

  void store_matrix(const TableGrid& grid, const RowValues& values) {
    const auto path =
        summary_.location.dataset + (grid.name.empty() ? "" : "/" + path_name(grid.name));
    const auto matrix = matrix_of(grid.columns, options_.transpose);
    summary_.shape = {grid.rows, std::ssize(grid.columns)};
    if (options_.transpose) std::swap(summary_.shape[0], summary_.shape[1]);
    if (options_.columns.size() == 1) summary_.shape = {grid.rows};
    summary_.stored += nonzeros(matrix);
    store(path, summary_.shape, matrix);
    if (!grid.row_ids.empty()) {
      store(path + (options_.transpose ? "_column_ids" : "_row_ids"), grid.row_ids.ids);
    }
    store(path + (options_.transpose ? "_row_ids" : "_column_ids"), grid.column_ids.ids);
    for (const auto& texts : grid.texts) store(path + "_" + path_name(texts.name), texts.texts);
    store_row_values(path + "_seasonal_mean", values);
  }

  ImportSummary commit() {
    note_missing(summary_, missing_);
    file_.commit();
    return std::move(summary_);
  }

 private:
  void store(const std::string& path, const core::Extents& shape,
             const std::vector<double>& numbers) {
    file_.write_dense(path, shape, numbers);
    file_.write_attribute(path, "source", source_of(options_));
    summary_.datasets.push_back(path);
    missing_ += std::ranges::count_if(numbers, [](double value) { return std::isnan(value); });
  }
  void store(const std::string& path, const std::vector<std::string>& texts) {
    file_.write_strings(path, texts);
    summary_.datasets.push_back(path);
  }
  // What belongs to the rows and is no column of the table.
  void store_row_values(const std::string& seasonal_mean_path, const RowValues& values) {
    const auto vector = [&](const std::string& path, const std::vector<double>& numbers) {
      store(path, core::Extents{std::ssize(numbers)}, numbers);
    };
    if (!values.seasonal_mean.empty()) {
      vector(seasonal_mean_path, values.seasonal_mean);
      file_.write_attribute(seasonal_mean_path, "harmonics", options_.harmonics);
      const auto [least, most] = std::ranges::minmax(values.seasonal_mean);
      summary_.notes.push_back(fmt::format("a seasonal mean of {:.4g} to {:.4g} was taken away: {}",
                                           least, most, seasonal_mean_path));
    }
    const auto time = normalised_path(options_.time_path);
    if (!values.time.empty() && !time_is_stored_) vector(time, values.time);
    time_is_stored_ = true;  // the same for every grid of a file
  }

  const TableOptions& options_;
  DataFile file_;
  ImportSummary summary_;
  core::Index missing_ = 0;
  bool time_is_stored_ = false;
};

void check_options(const TableOptions& options) {
  if (options.separate && options.transpose) {
    throw core::ConfigurationError(
        "table: --transpose is about a matrix; it has no meaning with one dataset a column");
  }
  if (options.row_ids.empty() != options.column_ids.empty()) {
    throw core::ConfigurationError(
        "table: --row-ids and --column-ids name the two columns of ids of a table with a row for "
        "each cell; give both or none");
  }
  const bool grid = !options.row_ids.empty();
  if (!grid && (!options.values.empty() || options.sum || options.fill)) {
    throw core::ConfigurationError(
        "table: --values, --sum and --fill are for tables with a row for each cell; name their ids "
        "by --row-ids and --column-ids");
  }
  if (grid && (!options.columns.empty() || !options.id_column.empty() || options.separate)) {
    throw core::ConfigurationError(
        "table: --columns, --id-column and --separate are for tables with a row for each row; "
        "--row-ids, --column-ids and --values say what the columns of this one are");
  }
}

}  // namespace

ImportSummary import_table(const TableOptions& options) {
  refuse_target_among(options.target, {options.file, options.order.file});
  check_options(options);
  const auto table = CsvTable::read(options.file, options.header, options.format);
  std::vector<TableGrid> grids;
  if (options.row_ids.empty()) {
    grids.push_back(read_wide_table(table, options));
  } else {
    grids = read_long_table(table, options);
  }
  std::vector<RowValues> values;
  for (auto& grid : grids) {
    put_in_order(grid, options);
    values.push_back(take_dates(grid, options));
  }
  TableOutput output(options);
  for (std::size_t i = 0; i < grids.size(); ++i) {
    if (options.separate) {
      output.store_separately(grids[i], values[i]);
    } else {
      output.store_matrix(grids[i], values[i]);
    }
  }
  return output.commit();
}

}  // namespace kronwerk::io
