#include "io/weights.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

#include "io/csv.hpp"
#include "io/hdf5_handle.hpp"

namespace kronwerk::io {

namespace {

struct Row {
  const std::int32_t* columns;
  const double* values;
  std::size_t size;
};

Row row_of(const SparseMatrix& matrix, core::Index row) {
  const auto begin = static_cast<std::size_t>(matrix.row_offsets[static_cast<std::size_t>(row)]);
  const auto end = static_cast<std::size_t>(matrix.row_offsets[static_cast<std::size_t>(row) + 1]);
  return {matrix.column_indices.data() + begin, matrix.values.data() + begin, end - begin};
}

SparseMatrix transposed(const SparseMatrix& matrix) {
  SparseMatrix result;
  result.rows = matrix.cols;
  result.cols = matrix.rows;
  result.row_offsets.assign(static_cast<std::size_t>(result.rows) + 1, 0);
  for (const auto column : matrix.column_indices) {
    ++result.row_offsets[static_cast<std::size_t>(column) + 1];
  }
  std::partial_sum(result.row_offsets.begin(), result.row_offsets.end(),
                   result.row_offsets.begin());
  result.column_indices.resize(matrix.column_indices.size());
  result.values.resize(matrix.values.size());
  auto next = result.row_offsets;
  for (core::Index row = 0; row < matrix.rows; ++row) {
    const Row entries = row_of(matrix, row);
    for (std::size_t i = 0; i < entries.size; ++i) {
      const auto place =
          static_cast<std::size_t>(next[static_cast<std::size_t>(entries.columns[i])]++);
      result.column_indices[place] = static_cast<std::int32_t>(row);
      result.values[place] = entries.values[i];
    }
  }
  return result;
}

SparseMatrix symmetrised(const SparseMatrix& matrix) {
  const auto other = transposed(matrix);
  std::vector<Entry> entries;
  for (core::Index row = 0; row < matrix.rows; ++row) {
    const Row a = row_of(matrix, row);
    const Row b = row_of(other, row);
    for (std::size_t i = 0, j = 0; i < a.size || j < b.size;) {
      const bool from_a = i < a.size && (j == b.size || a.columns[i] <= b.columns[j]);
      const bool from_b = j < b.size && (i == a.size || b.columns[j] <= a.columns[i]);
      const core::Index column = from_a ? a.columns[i] : b.columns[j];
      const double sum = (from_a ? a.values[i] : 0.0) + (from_b ? b.values[j] : 0.0);
      entries.push_back({row, column, sum / 2.0, 0});
      i += from_a ? 1 : 0;
      j += from_b ? 1 : 0;
    }
  }
  return compressed(matrix.rows, matrix.cols, entries);
}

std::string row_name(core::Index row, const std::vector<std::string>& ids) {
  return ids.empty() ? fmt::format("row {}", row)
                     : fmt::format("row {} ('{}')", row, ids[static_cast<std::size_t>(row)]);
}

void normalise_rows(SparseMatrix& matrix, const std::vector<std::string>& ids) {
  for (core::Index row = 0; row < matrix.rows; ++row) {
    const auto begin = matrix.values.begin() + matrix.row_offsets[static_cast<std::size_t>(row)];
    const auto end = matrix.values.begin() + matrix.row_offsets[static_cast<std::size_t>(row) + 1];
    const double sum = std::accumulate(begin, end, 0.0);
    const double size = std::accumulate(
        begin, end, 0.0, [](double total, double value) { return total + std::abs(value); });
    if (size == 0.0) continue;
    if (std::abs(sum) <= 1e-14 * size) {
      throw core::DataError(fmt::format("{} has entries that sum to 0; it cannot be row-normalised",
                                        row_name(row, ids)));
    }
    std::for_each(begin, end, [sum](double& value) { value /= sum; });
  }
}

core::Index find_root(std::vector<core::Index>& parents, core::Index node) {
  while (parents[static_cast<std::size_t>(node)] != node) {
    auto& parent = parents[static_cast<std::size_t>(node)];
    parent = parents[static_cast<std::size_t>(parent)];
    node = parent;
  }
  return node;
}

core::Index count_components(const SparseMatrix& matrix) {
  std::vector<core::Index> parents(static_cast<std::size_t>(matrix.rows));
  std::iota(parents.begin(), parents.end(), core::Index{0});
  core::Index count = matrix.rows;
  for (core::Index row = 0; row < matrix.rows; ++row) {
    const Row entries = row_of(matrix, row);
    for (std::size_t i = 0; i < entries.size; ++i) {
      const auto a = find_root(parents, row);
      const auto b = find_root(parents, entries.columns[i]);
      if (a == b) continue;
      parents[static_cast<std::size_t>(std::max(a, b))] = std::min(a, b);
      --count;
    }
  }
  return count;
}

void describe_graph(const SparseMatrix& matrix, ImportSummary& summary) {
  const auto other = transposed(matrix);
  core::Index asymmetric = 0, islands = 0;
  bool symmetric = true;
  for (core::Index row = 0; row < matrix.rows; ++row) {
    const Row a = row_of(matrix, row);
    const Row b = row_of(other, row);
    if (a.size == 0) ++islands;
    symmetric = symmetric &&
                std::equal(a.columns, a.columns + a.size, b.columns, b.columns + b.size) &&
                std::equal(a.values, a.values + a.size, b.values);
    for (std::size_t i = 0; i < a.size; ++i) {
      if (!std::binary_search(b.columns, b.columns + b.size, a.columns[i])) ++asymmetric;
    }
  }
  summary.symmetric = symmetric;
  summary.asymmetric_links = asymmetric;
  summary.islands = islands;
  summary.components = count_components(matrix);
}

}  // namespace

void sort_entries(std::vector<Entry>& entries, const std::string& file,
                  const std::vector<std::string>& ids) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.row, a.column, a.line) < std::tie(b.row, b.column, b.line);
  });
  // The duplicate that comes first in the file is the one to report.
  const Entry* first = nullptr;
  core::Index earlier = 0;
  for (std::size_t i = 1; i < entries.size(); ++i) {
    if (entries[i].row != entries[i - 1].row || entries[i].column != entries[i - 1].column)
      continue;
    if (first != nullptr && first->line <= entries[i].line) continue;
    first = &entries[i];
    earlier = entries[i - 1].line;
  }
  if (first == nullptr) return;
  const auto name = [&](core::Index index) {
    return ids.empty() ? fmt::format("{}", index + 1) : ids[static_cast<std::size_t>(index)];
  };
  throw_at(file, first->line,
           fmt::format("the pair ({}, {}) appears already in line {}", name(first->row),
                       name(first->column), earlier));
}

SparseMatrix compressed(core::Index rows, core::Index cols, const std::vector<Entry>& entries) {
  core::narrow<std::int32_t>(cols);
  SparseMatrix matrix;
  matrix.rows = rows;
  matrix.cols = cols;
  matrix.row_offsets.assign(static_cast<std::size_t>(rows) + 1, 0);
  matrix.column_indices.reserve(entries.size());
  matrix.values.reserve(entries.size());
  for (const auto& entry : entries) {
    ++matrix.row_offsets[static_cast<std::size_t>(entry.row) + 1];
    matrix.column_indices.push_back(static_cast<std::int32_t>(entry.column));
    matrix.values.push_back(entry.value);
  }
  std::partial_sum(matrix.row_offsets.begin(), matrix.row_offsets.end(),
                   matrix.row_offsets.begin());
  return matrix;
}

SparseMatrix with_options(SparseMatrix matrix, const WeightOptions& options,
                          const std::vector<std::string>& ids) {
  if ((options.symmetrise || options.row_normalise) && matrix.rows != matrix.cols) {
    throw core::DataError(fmt::format("the matrix is {} x {}; only a square one is a weight matrix",
                                      matrix.rows, matrix.cols));
  }
  if (options.symmetrise) matrix = symmetrised(matrix);
  if (options.row_normalise) normalise_rows(matrix, ids);
  return matrix;
}

ImportSummary store_weights(const ImportTarget& target, const SparseMatrix& matrix,
                            const std::vector<std::string>& ids, const std::string& source) {
  const auto path = normalised_path(target.location.dataset);
  ImportSummary summary;
  summary.location = {target.location.file, path};
  summary.sparse = true;
  summary.shape = {matrix.rows, matrix.cols};
  summary.stored = static_cast<core::Index>(matrix.values.size());
  DataFile file(target.location.file, target.overwrite);
  file.write_sparse(path, matrix);
  file.write_attribute(path, "source", source);
  summary.datasets.push_back(path);
  if (!ids.empty()) {
    file.write_strings(path + "_ids", ids);
    summary.datasets.push_back(path + "_ids");
  }
  file.commit();
  if (matrix.rows == matrix.cols) describe_graph(matrix, summary);
  return summary;
}

std::string to_text(const WeightOptions& options) {
  return fmt::format("{}{}", options.symmetrise ? ", symmetrised" : "",
                     options.row_normalise ? ", row-normalised" : "");
}

}  // namespace kronwerk::io
