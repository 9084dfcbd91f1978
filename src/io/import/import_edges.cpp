#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "io/hdf5/hdf5_handle.hpp"
#include "io/import/csv.hpp"
#include "io/import/ids.hpp"
#include "io/import/import_target.hpp"
#include "io/import/weights.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::io {

namespace {

struct Columns {
  std::size_t origin, destination, value;
};

Columns find_columns(const CsvTable& table, const EdgesOptions& options) {
  const auto find = [&](const std::string& name, std::size_t position) {
    if (!name.empty()) return table.column(name);
    if (position < table.header().size()) return position;
    throw core::DataError(
        fmt::format("{}:1: has {} columns; expected origin, destination and value", options.file,
                    table.header().size()));
  };
  if (options.value_column.empty() && table.header().size() > 3) {
    throw core::DataError(
        fmt::format("{}: has {} columns: {}; name the one of the values by --value-column",
                    options.file, table.header().size(), core::join(table.header(), ", ")));
  }
  const Columns columns{find(options.origin_column, 0), find(options.destination_column, 1),
                        find(options.value_column, 2)};
  table.require_name(columns.value);
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
        "between regions of one kind: a table with a row per pair has to be made a matrix first; "
        "if they are, list all regions by --order-by",
        options.file, table.header()[columns.origin], table.header()[columns.destination],
        *ids.begin(), *destinations.begin()));
  }
  ids.insert(destinations.begin(), destinations.end());
  return {ids.begin(), ids.end()};
}

std::vector<Entry> read_entries(const CsvTable& table, const Columns& columns, const IdIndex& ids,
                                const EdgesOptions& options) {
  std::vector<Entry> entries;
  entries.reserve(static_cast<std::size_t>(table.rows()));
  for (core::Index row = 0; row < table.rows(); ++row) {
    const auto line = table.line(row);
    Entry entry{
        .row = ids.position(table.cell(row, columns.origin), options.file, line),
        .column = ids.position(table.cell(row, columns.destination), options.file, line),
        .value = parse_number(table.cell(row, columns.value), options.file, line, "the value"),
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

ImportSummary store_dense(const EdgesOptions& options, const IdIndex& ids,
                          const std::vector<Entry>& entries, const std::string& source) {
  const core::Index n = ids.size();
  const auto pairs = static_cast<core::Index>(entries.size());
  // Missing pairs are 0, and so is their transform where that is finite; log has none.
  double missing = 0.0;
  if (pairs < core::multiply(n, n)) {
    try {
      missing = transformed(options.transform, 0.0, options.file, 1);
    } catch (const core::DataError&) {
      throw core::DataError(fmt::format(
          "{}: {} of {} pairs are missing and count as 0, which has no logarithm; use log1p",
          options.file, n * n - pairs, n * n));
    }
  }
  const auto path = normalised_path(options.target.location.dataset);
  DataFile file(options.target.location.file, options.target.overwrite, options.target.stop);
  file.create_dense(path, core::Extents{n, n});
  write_dense_rows(file, path, n, entries, missing);
  file.write_attribute(path, "source", source);
  file.write_strings(path + "_ids", ids.ids());
  file.commit();
  ImportSummary summary;
  summary.location = {options.target.location.file, path};
  summary.shape = {n, n};
  summary.stored = std::count_if(entries.begin(), entries.end(),
                                 [](const Entry& entry) { return entry.value != 0.0; });
  if (missing != 0.0) summary.stored += n * n - pairs;
  summary.datasets = {path, path + "_ids"};
  return summary;
}

}  // namespace

ImportSummary import_edges(const EdgesOptions& options) {
  refuse_target_among(options.target, {options.file, options.order.file});
  if (!options.sparse && (options.weights.symmetrise || options.weights.row_normalise)) {
    throw core::ConfigurationError(
        "edges: --symmetrise and --row-normalise are for weight matrices; add --sparse");
  }
  const auto table = CsvTable::read(options.file, options.header);
  const auto columns = find_columns(table, options);
  const IdIndex ids(ids_of(table, columns, options));
  auto entries = read_entries(table, columns, ids, options);
  const auto source =
      fmt::format("edges {}{}", std::filesystem::path(options.file).filename().string(),
                  to_text(options.weights));
  if (!options.sparse) return store_dense(options, ids, entries, source);
  std::erase_if(entries, [](const Entry& entry) { return entry.value == 0.0; });
  const auto matrix =
      with_options({ids.size(), ids.size(), std::move(entries)}, options.weights, ids.ids());
  return store_weights(options.target, matrix, ids.ids(), source);
}

}  // namespace kronwerk::io
