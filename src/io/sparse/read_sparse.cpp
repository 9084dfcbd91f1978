// Declared in kronwerk/io/hdf5/read.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "io/hdf5/hyperslab.hpp"
#include "io/hdf5/numeric_dataset.hpp"
#include "io/sparse/sparse_group.hpp"
#include "kronwerk/io/hdf5/read.hpp"

namespace kronwerk::io {

namespace {

struct RawArrays {
  std::vector<core::Index> indptr;
  std::vector<core::Index> indices;
  std::vector<double> data;
};

std::vector<core::Index> read_indices(const FileHandle& file, const Location& location) {
  const auto dataset = open_integers(file, location);
  const auto shape = shape_of(dataset.get());
  std::vector<core::Index> values(static_cast<std::size_t>(shape.front()));
  read_elements(dataset, location, H5T_NATIVE_INT64, shape, 0, shape.front(), values.data());
  return values;
}

std::vector<double> read_data(const FileHandle& file, const Location& location) {
  const auto dataset = examine_numeric(file, location);
  if (dataset.shape.size() != 1) {
    throw core::DataError(fmt::format("{}: has shape ({}); expected a list (1-D)",
                                      name_of(location), core::to_text(dataset.shape)));
  }
  std::vector<double> values(static_cast<std::size_t>(dataset.shape[0]));
  read_numbers(dataset, 0, values);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    throw core::DataError(fmt::format("{}: {} at position {}; values must be finite",
                                      name_of(location), std::isnan(values[i]) ? "NaN" : "Inf", i));
  }
  return values;
}

void check_row_offsets(const Location& list, core::Index rows, core::Index stored,
                       const std::vector<core::Index>& indptr) {
  const auto name = name_of(list);
  if (static_cast<core::Index>(indptr.size()) != rows + 1) {
    throw core::DataError(
        fmt::format("{}: has {} entries; {} rows need {}", name, indptr.size(), rows, rows + 1));
  }
  if (indptr.front() != 0) {
    throw core::DataError(
        fmt::format("{}: begins with {} at position 0; expected 0", name, indptr.front()));
  }
  for (std::size_t i = 1; i < indptr.size(); ++i) {
    if (indptr[i] < indptr[i - 1]) {
      throw core::DataError(fmt::format("{}: not monotone at position {}: {} follows {}", name, i,
                                        indptr[i], indptr[i - 1]));
    }
  }
  if (indptr.back() != stored) {
    throw core::DataError(fmt::format("{}: ends with {} at position {}; data holds {} entries",
                                      name, indptr.back(), rows, stored));
  }
}

/// Where the lists of one group are, and which way round they are.
struct Layout {
  const char* offsets = "indptr";
  const char* indices = "indices";
  const char* index_word = "column";  ///< what `indices` count in the file
  bool flipped = false;               ///< by columns of the matrix that is read
};

Layout layout_of(const DatasetInfo& info) {
  Layout layout;
  if (info.form == SparseForm::matlab) layout = {"jc", "ir", "row", false};
  if (info.form == SparseForm::columns) layout.index_word = "row";
  layout.flipped = (info.form == SparseForm::rows) == info.location.transposed;
  return layout;
}

void check_indices(const Location& list, const std::vector<core::Index>& indices,
                   core::Index extent, const char* word) {
  for (std::size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] >= 0 && indices[i] < extent) continue;
    throw core::DataError(
        fmt::format("{}: {} {} at position {} is out of range; the matrix has {} {}s, counted "
                    "from 0",
                    name_of(list), word, indices[i], i, extent, word));
  }
}

void check_length(const Location& location, const char* name, std::size_t entries,
                  std::size_t stored) {
  if (entries == stored) return;
  throw core::DataError(fmt::format("{}: has {} entries, data has {}; expected the same number",
                                    name_of(member(location, name)), entries, stored));
}

void check(const DatasetInfo& info, const Layout& layout, const RawArrays& raw) {
  check_length(info.location, layout.indices, raw.indices.size(), raw.data.size());
  const core::Index offsets = info.shape[layout.flipped ? 1 : 0];
  check_row_offsets(member(info.location, layout.offsets), offsets, std::ssize(raw.data),
                    raw.indptr);
  check_indices(member(info.location, layout.indices), raw.indices,
                info.shape[layout.flipped ? 0 : 1], layout.index_word);
}

/// Entries by rows, in the order of the file within each, from those of (rows[i], cols[i]).
RawArrays sorted_by_rows(core::Index count, const std::vector<core::Index>& rows,
                         const std::vector<core::Index>& cols, const std::vector<double>& data) {
  RawArrays result;
  result.indptr.assign(static_cast<std::size_t>(count) + 1, 0);
  for (const auto row : rows) ++result.indptr[static_cast<std::size_t>(row) + 1];
  std::partial_sum(result.indptr.begin(), result.indptr.end(), result.indptr.begin());
  result.indices.resize(rows.size());
  result.data.resize(rows.size());
  auto next = result.indptr;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto place = static_cast<std::size_t>(next[static_cast<std::size_t>(rows[i])]++);
    result.indices[place] = cols[i];
    result.data[place] = data[i];
  }
  return result;
}

// By columns: each entry's column is known from where it stands.
RawArrays flipped(const RawArrays& raw, core::Index rows) {
  std::vector<core::Index> columns;
  columns.reserve(raw.data.size());
  for (std::size_t column = 0; column + 1 < raw.indptr.size(); ++column) {
    columns.resize(static_cast<std::size_t>(raw.indptr[column + 1]),
                   static_cast<core::Index>(column));
  }
  return sorted_by_rows(rows, raw.indices, columns, raw.data);
}

RawArrays read_coordinates(const FileHandle& file, const DatasetInfo& info) {
  const bool transposed = info.location.transposed;
  const char* const row_list = transposed ? "col" : "row";
  const char* const column_list = transposed ? "row" : "col";
  const auto rows = read_indices(file, member(info.location, row_list));
  const auto cols = read_indices(file, member(info.location, column_list));
  const auto data = read_data(file, member(info.location, "data"));
  check_length(info.location, row_list, rows.size(), data.size());
  check_length(info.location, column_list, cols.size(), data.size());
  check_indices(member(info.location, row_list), rows, info.shape[0], "row");
  check_indices(member(info.location, column_list), cols, info.shape[1], "column");
  return sorted_by_rows(info.shape[0], rows, cols, data);
}

RawArrays read_compressed(const FileHandle& file, const DatasetInfo& info) {
  const Layout layout = layout_of(info);
  RawArrays raw{.indptr = read_indices(file, member(info.location, layout.offsets)),
                .indices = read_indices(file, member(info.location, layout.indices)),
                .data = read_data(file, member(info.location, "data"))};
  check(info, layout, raw);
  return layout.flipped ? flipped(raw, info.shape[0]) : raw;
}

bool is_canonical(const RawArrays& raw) {
  for (std::size_t row = 0; row + 1 < raw.indptr.size(); ++row) {
    for (core::Index i = raw.indptr[row] + 1; i < raw.indptr[row + 1]; ++i) {
      if (raw.indices[static_cast<std::size_t>(i)] <= raw.indices[static_cast<std::size_t>(i) - 1])
        return false;
    }
  }
  return true;
}

// Sorts each row by column and sums duplicates, in place.
void make_canonical(RawArrays& raw) {
  std::vector<std::pair<core::Index, double>> row_entries;
  std::size_t kept = 0;
  core::Index begin = 0;
  for (std::size_t row = 0; row + 1 < raw.indptr.size(); ++row) {
    const core::Index end = raw.indptr[row + 1];
    row_entries.clear();
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      row_entries.emplace_back(raw.indices[i], raw.data[i]);
    }
    // Stable, so that duplicates are summed in the file's order.
    std::stable_sort(row_entries.begin(), row_entries.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    const auto row_begin = kept;
    for (const auto& [column, value] : row_entries) {
      if (kept > row_begin && raw.indices[kept - 1] == column) {
        raw.data[kept - 1] += value;
      } else {
        raw.indices[kept] = column;
        raw.data[kept] = value;
        ++kept;
      }
    }
    begin = end;
    raw.indptr[row + 1] = static_cast<core::Index>(kept);
  }
  raw.indices.resize(kept);
  raw.data.resize(kept);
}

RawArrays read_raw(const DatasetInfo& info) {
  const auto file = open_input(info.location.file);
  RawArrays raw = info.form == SparseForm::coordinates ? read_coordinates(file, info)
                                                       : read_compressed(file, info);
  if (!is_canonical(raw)) make_canonical(raw);
  return raw;
}

}  // namespace

communication::SharedSparse read_sparse(const communication::Communicator& comm,
                                        const Location& location) {
  const auto info = inspect(comm, location);
  require_sparse(info);
  if (info.shape[1] > std::numeric_limits<std::int32_t>::max()) {
    throw core::DataError(fmt::format("{}: has {} columns; at most 2147483647 are supported",
                                      name_of(location), info.shape[1]));
  }
  RawArrays raw;
  const bool reads = comm.node().is_root();
  communication::collectively(comm, [&] {
    if (reads) raw = read_raw(info);
  });
  communication::SharedSparse matrix;
  matrix.rows = info.shape[0];
  matrix.cols = info.shape[1];
  const auto stored = static_cast<core::Index>(raw.data.size());
  matrix.row_offsets = communication::SharedArray<core::Index>(comm, matrix.rows + 1);
  matrix.column_indices = communication::SharedArray<std::int32_t>(comm, stored);
  matrix.values = communication::SharedArray<double>(comm, stored);
  if (reads) {
    std::copy(raw.indptr.begin(), raw.indptr.end(), matrix.row_offsets.mutable_span().begin());
    std::transform(raw.indices.begin(), raw.indices.end(),
                   matrix.column_indices.mutable_span().begin(),
                   [](core::Index column) { return static_cast<std::int32_t>(column); });
    std::copy(raw.data.begin(), raw.data.end(), matrix.values.mutable_span().begin());
  }
  matrix.row_offsets.publish();
  matrix.column_indices.publish();
  matrix.values.publish();
  return matrix;
}

}  // namespace kronwerk::io
