#include "io/import/weights.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

#include "io/hdf5/hdf5_handle.hpp"
#include "io/text/csv.hpp"

namespace kronwerk::io {

namespace {

bool before(const Entry& a, const Entry& b) {
  return std::tie(a.row, a.column) < std::tie(b.row, b.column);
}

std::vector<Entry> transposed(std::vector<Entry> entries) {
  for (Entry& entry : entries) std::swap(entry.row, entry.column);
  std::sort(entries.begin(), entries.end(), before);
  return entries;
}

EntryMatrix symmetrised(const EntryMatrix& matrix) {
  const auto other = transposed(matrix.entries);
  EntryMatrix result{matrix.rows, matrix.cols, {}};
  auto a = matrix.entries.begin();
  auto b = other.begin();
  while (a != matrix.entries.end() || b != other.end()) {
    const bool from_a = a != matrix.entries.end() && (b == other.end() || !before(*b, *a));
    const bool from_b = b != other.end() && (a == matrix.entries.end() || !before(*a, *b));
    Entry entry = from_a ? *a : *b;
    entry.value = ((from_a ? a->value : 0.0) + (from_b ? b->value : 0.0)) / 2.0;
    result.entries.push_back(entry);
    if (from_a) ++a;
    if (from_b) ++b;
  }
  return result;
}

std::string row_name(core::Index row, const std::vector<std::string>& ids) {
  return ids.empty() ? fmt::format("row {}", row)
                     : fmt::format("row {} ('{}')", row, ids[static_cast<std::size_t>(row)]);
}

void normalise_rows(EntryMatrix& matrix, const std::vector<std::string>& ids) {
  for (auto begin = matrix.entries.begin(); begin != matrix.entries.end();) {
    const auto end =
        std::find_if(begin, matrix.entries.end(),
                     [row = begin->row](const Entry& entry) { return entry.row != row; });
    double sum = 0.0, size = 0.0;
    for (auto entry = begin; entry != end; ++entry) {
      sum += entry->value;
      size += std::abs(entry->value);
    }
    if (size != 0.0 && std::abs(sum) <= 1e-14 * size) {
      throw core::DataError(fmt::format("{} has entries that sum to 0; it cannot be row-normalised",
                                        row_name(begin->row, ids)));
    }
    for (; begin != end; ++begin) begin->value /= size == 0.0 ? 1.0 : sum;
  }
}

std::size_t find_root(std::vector<std::size_t>& parents, std::size_t node) {
  while (parents[node] != node) {
    parents[node] = parents[parents[node]];
    node = parents[node];
  }
  return node;
}

// Rows without any link are components of their own; only the others are looked at.
core::Index count_components(const EntryMatrix& matrix) {
  std::vector<core::Index> linked;
  for (const Entry& entry : matrix.entries) linked.insert(linked.end(), {entry.row, entry.column});
  std::sort(linked.begin(), linked.end());
  linked.erase(std::unique(linked.begin(), linked.end()), linked.end());
  const auto place = [&](core::Index row) {
    return static_cast<std::size_t>(std::lower_bound(linked.begin(), linked.end(), row) -
                                    linked.begin());
  };
  std::vector<std::size_t> parents(linked.size());
  std::iota(parents.begin(), parents.end(), std::size_t{0});
  core::Index count = matrix.rows;
  for (const Entry& entry : matrix.entries) {
    const auto a = find_root(parents, place(entry.row));
    const auto b = find_root(parents, place(entry.column));
    if (a == b) continue;
    parents[std::max(a, b)] = std::min(a, b);
    --count;
  }
  return count;
}

void describe_graph(const EntryMatrix& matrix, ImportSummary& summary) {
  const auto& entries = matrix.entries;
  const auto other = transposed(entries);
  summary.symmetric =
      std::equal(entries.begin(), entries.end(), other.begin(), other.end(),
                 [](const Entry& a, const Entry& b) {
                   return a.row == b.row && a.column == b.column && a.value == b.value;
                 });
  core::Index asymmetric = 0, islands = matrix.rows;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i == 0 || entries[i].row != entries[i - 1].row) --islands;
    if (!std::binary_search(other.begin(), other.end(), entries[i], before)) ++asymmetric;
  }
  summary.asymmetric_links = asymmetric;
  summary.islands = islands;
  summary.components = count_components(matrix);
}

void write_entries(DataFile& file, const std::string& path, const EntryMatrix& matrix) {
  std::vector<core::Index> rows;
  std::vector<std::int32_t> columns;
  std::vector<double> values;
  rows.reserve(matrix.entries.size());
  columns.reserve(matrix.entries.size());
  values.reserve(matrix.entries.size());
  for (const Entry& entry : matrix.entries) {
    rows.push_back(entry.row);
    columns.push_back(core::narrow<std::int32_t>(entry.column));
    values.push_back(entry.value);
  }
  file.write_sparse(path, matrix.rows, matrix.cols, rows, columns, values);
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

void sum_entries(std::vector<Entry>& entries) {
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.row, a.column) < std::pair(b.row, b.column);
  });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Entry& entry = entries[i];
    if (kept > 0 && entries[kept - 1].row == entry.row &&
        entries[kept - 1].column == entry.column) {
      entries[kept - 1].value += entry.value;
    } else {
      entries[kept++] = entry;
    }
  }
  entries.resize(kept);
}

EntryMatrix with_options(EntryMatrix matrix, const WeightOptions& options,
                         const std::vector<std::string>& ids) {
  if ((options.symmetrise || options.row_normalise) && matrix.rows != matrix.cols) {
    throw core::DataError(fmt::format("the matrix is {} x {}; only a square one is a weight matrix",
                                      matrix.rows, matrix.cols));
  }
  if (options.symmetrise) matrix = symmetrised(matrix);
  if (options.row_normalise) normalise_rows(matrix, ids);
  return matrix;
}

ImportSummary store_weights(const ImportTarget& target, const EntryMatrix& matrix,
                            const std::vector<std::string>& ids, const std::string& source) {
  const auto path = normalised_path(target.location.dataset);
  ImportSummary summary;
  summary.location = {target.location.file, path};
  summary.sparse = true;
  summary.shape = {matrix.rows, matrix.cols};
  summary.stored = static_cast<core::Index>(matrix.entries.size());
  DataFile file(target.location.file, target.overwrite, target.stop);
  write_entries(file, path, matrix);
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
