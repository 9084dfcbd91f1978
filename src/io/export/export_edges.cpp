// Declared in kronwerk/io/export/export.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "io/hdf5/hdf5_input.hpp"
#include "io/import/ids.hpp"
#include "io/import/import_target.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/io/export/export.hpp"
#include "kronwerk/io/files/whole_file.hpp"
#include "kronwerk/io/hdf5/mode_ids.hpp"
#include "kronwerk/io/hdf5/read.hpp"

namespace kronwerk::io {

namespace {

struct Edge {
  core::Index row = 0;
  core::Index column = 0;
  double value = 0;
};

/// All entries beside the diagonal that are not zero, in ascending order.
std::vector<Edge> read_edges(const DatasetInfo& info) {
  const auto alone = communication::Communicator::duplicate(MPI_COMM_SELF);
  std::vector<Edge> edges;
  const auto add = [&edges](core::Index row, core::Index column, double value) {
    if (row != column && value != 0) edges.push_back({row, column, value});
  };
  if (info.sparse) {
    const auto matrix = read_sparse(alone, info.location);
    const auto offsets = matrix.row_offsets.span();
    for (core::Index row = 0; row < matrix.rows; ++row) {
      const auto end = static_cast<std::size_t>(offsets[static_cast<std::size_t>(row) + 1]);
      for (auto i = static_cast<std::size_t>(offsets[static_cast<std::size_t>(row)]); i < end; ++i)
        add(row, matrix.column_indices.span()[i], matrix.values.span()[i]);
    }
    return edges;
  }
  const auto matrix = read_dense(alone, info.location);
  const auto values = matrix.values.span();
  for (core::Index row = 0; row < matrix.rows; ++row) {
    for (core::Index column = 0; column < matrix.cols; ++column) {
      add(row, column, values[static_cast<std::size_t>(row * matrix.cols + column)]);
    }
  }
  return edges;
}

bool is_symmetric(const std::vector<Edge>& edges) {
  return std::all_of(edges.begin(), edges.end(), [&](const Edge& edge) {
    const auto place = std::pair(edge.column, edge.row);
    const auto mirrored = std::lower_bound(
        edges.begin(), edges.end(), place,
        [](const Edge& a, const auto& b) { return std::pair(a.row, a.column) < b; });
    return mirrored != edges.end() && std::pair(mirrored->row, mirrored->column) == place &&
           mirrored->value == edge.value;
  });
}

/// What rows and columns are called.
struct Labels {
  std::vector<std::string> rows;
  std::vector<std::string> columns;
};

/// A first line beyond the number of rows is the header of a list or CSV.
std::vector<std::string> read_labels(OrderFile file, core::Index rows) {
  const bool named = !file.column.empty();
  if (file.header == Header::guessed) file.header = named ? Header::present : Header::absent;
  auto labels = read_order(file, [](const std::string&) { return true; });
  std::error_code error;
  const bool text = std::filesystem::is_regular_file(file.file, error);
  if (text && !named && std::ssize(labels) == rows + 1) labels.erase(labels.begin());
  return labels;
}

Labels find_labels(const ExportEdgesOptions& options, const DatasetInfo& info) {
  if (!options.labels.file.empty()) {
    Labels labels;
    labels.rows = read_labels(options.labels, info.shape[0]);
    if (std::ssize(labels.rows) != info.shape[0]) {
      throw core::DataError(fmt::format("{}: lists {} labels, but {} has {} rows",
                                        options.labels.file, labels.rows.size(),
                                        name_of(info.location), info.shape[0]));
    }
    labels.columns = labels.rows;
    return labels;
  }
  const auto ids = find_mode_ids(info);
  const auto of_dimension = [&](std::size_t k) {
    if (ids[k]) return ids[k]->ids;
    std::vector<std::string> numbers;
    for (core::Index i = 0; i < info.shape[k]; ++i) numbers.push_back(std::to_string(i));
    return numbers;
  };
  return {of_dimension(0), of_dimension(1)};
}

/// A field of a CSV, quoted where it has to be.
std::string field(const std::string& text) {
  const bool blank = text.empty() || text.front() == ' ' || text.back() == ' ';
  if (!blank && text.find_first_of(",\"\r\n\t") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char letter : text) {
    if (letter == '"') quoted += '"';
    quoted += letter;
  }
  return quoted + '"';
}

void prepare_file(const ExportEdgesOptions& options) {
  ImportTarget target;
  target.location.file = options.file;
  refuse_target_among(target, {options.matrix.file, options.labels.file});
  std::error_code error;
  if (!options.overwrite && std::filesystem::exists(options.file, error)) {
    throw core::ConfigurationError(
        fmt::format("{}: exists already; choose another name or allow overwriting (--overwrite)",
                    options.file));
  }
  const auto folder = std::filesystem::path(options.file).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  if (error) {
    throw core::ConfigurationError(
        fmt::format("{}: the directory cannot be made ({})", folder.string(), error.message()));
  }
}

}  // namespace

ExportSummary export_edges(const ExportEdgesOptions& options) {
  DatasetInfo info;
  {
    const auto file = open_input(options.matrix.file);
    info = describe_object(file, options.matrix);
  }
  if (info.shape.size() != 2 || info.shape[0] != info.shape[1]) {
    throw core::DataError(fmt::format(
        "{} has the shape ({}); expected a square matrix, such as the /factor/1 of a graph",
        name_of(options.matrix), core::to_text(info.shape)));
  }
  prepare_file(options);
  const Labels labels = find_labels(options, info);
  std::vector<Edge> edges = read_edges(info);
  ExportSummary summary{options.file, info.shape[0], 0, 0, is_symmetric(edges)};
  if (summary.symmetric) std::erase_if(edges, [](const Edge& e) { return e.row > e.column; });
  summary.edges = std::ssize(edges);
  if (options.top) {
    std::stable_sort(edges.begin(), edges.end(), [](const Edge& a, const Edge& b) {
      return std::abs(a.value) > std::abs(b.value);
    });
    if (*options.top < summary.edges) edges.resize(static_cast<std::size_t>(*options.top));
  }
  summary.written = std::ssize(edges);
  std::string text = "origin,destination,value\n";
  for (const Edge& edge : edges) {
    text += fmt::format("{},{},{}\n", field(labels.rows[static_cast<std::size_t>(edge.row)]),
                        field(labels.columns[static_cast<std::size_t>(edge.column)]), edge.value);
  }
  write_whole(options.file, text);
  return summary;
}

std::string to_text(const ExportSummary& summary) {
  const std::string all = core::format_count(summary.edges);
  return fmt::format(
      "{}: {} {} between {} ids{}", summary.file,
      summary.written < summary.edges
          ? fmt::format("the {} largest of {}", core::format_count(summary.written), all)
          : all,
      summary.symmetric ? "pairs" : "entries", core::format_count(summary.size),
      summary.symmetric ? "" : " (the matrix is not symmetric: both directions)");
}

}  // namespace kronwerk::io
