// Declared in kronwerk/io/import/import.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include "io/hdf5/hdf5_handle.hpp"
#include "io/import/ids.hpp"
#include "io/import/import_target.hpp"
#include "io/import/weights.hpp"
#include "io/text/csv.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::io {

namespace {

struct Columns {
  std::size_t origin, destination;
  std::vector<std::size_t> values;
};

Columns find_columns(const CsvTable& table, const EdgesOptions& options) {
  const auto find = [&](const std::string& name, std::size_t position) {
    if (!name.empty()) return table.column(name);
    if (position < table.header().size()) return position;
    throw core::DataError(
        fmt::format("{}:1: has {} columns; expected origin, destination and value", options.file,
                    table.header().size()));
  };
  if (options.value_column.empty() && options.value_columns.empty() && table.header().size() > 3) {
    throw core::DataError(
        fmt::format("{}: has {} columns: {}; name the one of the values by --value-column, or "
                    "several by --value-columns",
                    options.file, table.header().size(), core::join(table.header(), ", ")));
  }
  Columns columns{find(options.origin_column, 0), find(options.destination_column, 1), {}};
  for (const std::string& name : options.value_columns) columns.values.push_back(find(name, 2));
  if (columns.values.empty()) columns.values.push_back(find(options.value_column, 2));
  for (const std::size_t column : columns.values) table.require_name(column);
  return columns;
}

using Ids = std::set<std::string, std::less<>>;

Ids column_ids(const CsvTable& table, std::size_t column) {
  Ids ids;
  for (core::Index row = 0; row < table.rows(); ++row) {
    const auto id = table.cell(row, column);
    if (id.empty()) throw_at(table.file(), table.line(row), "an id is missing");
    if (!ids.contains(id)) ids.emplace(id);
  }
  return ids;
}

std::vector<std::string> ids_of(const CsvTable& table, const Columns& columns,
                                const EdgesOptions& options) {
  Ids ids = column_ids(table, columns.origin);
  const Ids destinations = column_ids(table, columns.destination);
  if (!options.order.file.empty()) {
    return read_order(options.order, [&](const auto& id) {
      return ids.contains(id) || destinations.contains(id);
    });
  }
  const bool overlap = std::any_of(ids.begin(), ids.end(),
                                   [&](const auto& id) { return destinations.contains(id); });
  if (!overlap && table.rows() > 1) {
    throw core::DataError(fmt::format(
        "{}: no '{}' is a '{}' as well ('{}' and '{}' are the first), so that these are no edges "
        "between regions of one kind: 'import table --row-ids {} --column-ids {} --values {}' "
        "makes "
        "a grid of a row per pair; if they are, list all regions by --order-by",
        options.file, table.header()[columns.origin], table.header()[columns.destination],
        *ids.begin(), *destinations.begin(), table.header()[columns.origin],
        table.header()[columns.destination], table.header()[columns.values.front()]));
  }
  ids.insert(destinations.begin(), destinations.end());
  return {ids.begin(), ids.end()};
}

std::vector<Entry> read_entries(const CsvTable& table, const Columns& columns, std::size_t value,
                                const IdIndex& ids, const EdgesOptions& options) {
  std::vector<Entry> entries;
  entries.reserve(static_cast<std::size_t>(table.rows()));
  for (core::Index row = 0; row < table.rows(); ++row) {
    const auto line = table.line(row);
    Entry entry{.row = ids.position(table.cell(row, columns.origin), options.file, line),
                .column = ids.position(table.cell(row, columns.destination), options.file, line),
                .value = table.number(row, value, "the value", options.missing),
                .line = line};
    if (options.sparse && entry.row == entry.column) {
      throw_at(options.file, line,
               fmt::format("'{}' is its own neighbour; a weight matrix has a "
                           "diagonal of zeros",
                           table.cell(row, columns.origin)));
    }
    entries.push_back(entry);
  }
  if (options.sum) {
    sum_entries(entries);
  } else {
    try {
      sort_entries(entries, options.file, ids.ids());
    } catch (const core::DataError& error) {
      throw core::DataError(std::string(error.what()) +
                            "; --sum adds the values of a pair, --value-column names their column");
    }
  }
  for (Entry& entry : entries) {
    entry.value = transformed(options.transform, entry.value, options.file, entry.line);
  }
  return entries;
}

// Rows are written in blocks, so that the whole matrix is never in memory.
void write_dense_rows(DataFile& file, const std::string& path, core::Index n,
                      const std::vector<Entry>& entries, double missing) {
  constexpr core::Index block_values = core::Index{1} << 24;
  const core::Index block_rows = std::max<core::Index>(1, block_values / n);
  auto entry = entries.begin();
  std::vector<double> block;
  for (core::Index first = 0; first < n; first += block_rows) {
    const core::Index last = std::min(n, first + block_rows);
    block.assign(static_cast<std::size_t>((last - first) * n), missing);
    for (; entry != entries.end() && entry->row < last; ++entry) {
      block[static_cast<std::size_t>((entry->row - first) * n + entry->column)] = entry->value;
    }
    file.write_range(path, first * n, block);
  }
}

/// What pairs that are not in the file have. Missing ones are 0, and so is their transform where
/// that is finite; log has none.
double value_of_missing(const EdgesOptions& options, core::Index pairs, core::Index all) {
  if (options.fill) return *options.fill;
  if (pairs == all) return 0.0;
  try {
    return transformed(options.transform, 0.0, options.file, 1);
  } catch (const core::DataError&) {
    throw core::DataError(
        fmt::format("{}: {} of {} pairs are missing and count as 0, which has no logarithm; use "
                    "log1p, or --fill nan",
                    options.file, all - pairs, all));
  }
}

ImportSummary store_dense(const EdgesOptions& options, const IdIndex& ids, const CsvTable& table,
                          const Columns& columns, const std::string& source) {
  const core::Index n = ids.size();
  const core::Index all = core::multiply(n, n);
  const auto path = normalised_path(options.target.location.dataset);
  ImportSummary summary;
  summary.location = {options.target.location.file, path};
  summary.shape = {n, n};
  DataFile file(options.target.location.file, options.target.overwrite, options.target.stop);
  core::Index missing_pairs = 0;
  for (const std::size_t column : columns.values) {
    const auto entries = read_entries(table, columns, column, ids, options);
    const auto pairs = static_cast<core::Index>(entries.size());
    const double missing = value_of_missing(options, pairs, all);
    const std::string dataset =
        options.value_columns.empty() ? path : path + "/" + table.header()[column];
    file.create_dense(dataset, core::Extents{n, n});
    write_dense_rows(file, dataset, n, entries, missing);
    file.write_attribute(dataset, "source", source);
    file.write_strings(dataset + "_ids", ids.ids());
    summary.stored += std::count_if(entries.begin(), entries.end(), [](const Entry& entry) {
      return entry.value != 0.0 && !std::isnan(entry.value);
    });
    missing_pairs += std::isnan(missing) ? all - pairs : 0;
    missing_pairs += std::count_if(entries.begin(), entries.end(),
                                   [](const Entry& entry) { return std::isnan(entry.value); });
    if (missing != 0.0 && !std::isnan(missing)) summary.stored += all - pairs;
    summary.datasets.push_back(dataset);
    summary.datasets.push_back(dataset + "_ids");
  }
  note_missing(summary, missing_pairs);
  file.commit();
  return summary;
}

void check_options(const EdgesOptions& options) {
  if (!options.sparse && (options.weights.symmetrise || options.weights.row_normalise)) {
    throw core::ConfigurationError(
        "edges: --symmetrise and --row-normalise are for weight matrices; add --sparse");
  }
  const bool missing = options.missing == MissingCells::nan;
  if (options.sparse && (!options.value_columns.empty() || options.fill || missing)) {
    throw core::ConfigurationError(
        "edges: --value-columns, --fill and --missing nan are for dense grids; leave --sparse out");
  }
  if (!options.value_column.empty() && !options.value_columns.empty()) {
    throw core::ConfigurationError("edges: give --value-column or --value-columns, not both");
  }
  const std::set<std::string> distinct(options.value_columns.begin(), options.value_columns.end());
  if (distinct.size() < options.value_columns.size()) {
    throw core::ConfigurationError("edges: --value-columns names a column twice");
  }
}

}  // namespace

ImportSummary import_edges(const EdgesOptions& options) {
  refuse_target_among(options.target, {options.file, options.order.file});
  check_options(options);
  const auto table = CsvTable::read(options.file, options.header, options.format);
  const auto columns = find_columns(table, options);
  const IdIndex ids(ids_of(table, columns, options));
  const auto source =
      fmt::format("edges {}{}", std::filesystem::path(options.file).filename().string(),
                  to_text(options.weights));
  if (!options.sparse) return store_dense(options, ids, table, columns, source);
  auto entries = read_entries(table, columns, columns.values.front(), ids, options);
  std::erase_if(entries, [](const Entry& entry) { return entry.value == 0.0; });
  const auto matrix =
      with_options({ids.size(), ids.size(), std::move(entries)}, options.weights, ids.ids());
  return store_weights(options.target, matrix, ids.ids(), source);
}

}  // namespace kronwerk::io
