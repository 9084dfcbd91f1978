// Declared in kronwerk/io/hdf5/read.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "io/hdf5/hyperslab.hpp"
#include "io/hdf5/numeric_dataset.hpp"
#include "io/sparse/sparse_group.hpp"
#include "kronwerk/io/hdf5/read.hpp"

namespace kronwerk::io {

namespace {

using core::Index;

// Stored entries that are read at once.
constexpr Index piece_entries = Index{1} << 20;

// The three datasets of a CSR group, opened by one rank. Serial.
class CompressedRowsFile {
 public:
  CompressedRowsFile(const Location& group, const NumericDataset& data)
      : group_(group), file_(open_input(group.file)), data_(data) {
    indptr_ = open_integers(file_, member(group, "indptr"));
    indices_ = open_integers(file_, member(group, "indices"));
  }

  Index stored() const { return shape_of(indices_.get()).front(); }
  Index offsets() const { return shape_of(indptr_.get()).front(); }

  void read_offsets(Index first, std::vector<Index>& values) const {
    read_integers(indptr_, "indptr", first, values);
  }
  void read_entries(Index first, std::vector<Index>& columns, std::vector<double>& values) const {
    read_integers(indices_, "indices", first, columns);
    read_numbers(data_, first, values);
  }

 private:
  void read_integers(const DatasetHandle& dataset, const char* name, Index first,
                     std::vector<Index>& values) const {
    read_elements(dataset, member(group_, name), H5T_NATIVE_INT64, shape_of(dataset.get()), first,
                  std::ssize(values), values.data());
  }

  Location group_;
  FileHandle file_;
  NumericDataset data_;
  DatasetHandle indptr_;
  DatasetHandle indices_;
};

// What the group's metadata and the ends of indptr tell; the rest is checked by whoever reads it.
void check_lengths(const DatasetInfo& info, const NumericDataset& data) {
  if (data.shape.size() != 1) {
    throw core::DataError(fmt::format("{}: has shape ({}); expected a list (1-D)",
                                      name_of(data.location), core::to_text(data.shape)));
  }
  const CompressedRowsFile file(info.location, data);
  const Index rows = info.shape[0];
  if (file.stored() != data.shape[0]) {
    throw core::DataError(fmt::format("{}: has {} entries, data has {}; expected the same number",
                                      name_of(member(info.location, "indices")), file.stored(),
                                      data.shape[0]));
  }
  const auto name = name_of(member(info.location, "indptr"));
  if (file.offsets() != rows + 1) {
    throw core::DataError(
        fmt::format("{}: has {} entries; {} rows need {}", name, file.offsets(), rows, rows + 1));
  }
  std::vector<Index> end(1);
  file.read_offsets(0, end);
  if (end.front() != 0) {
    throw core::DataError(
        fmt::format("{}: begins with {} at position 0; expected 0", name, end.front()));
  }
  file.read_offsets(rows, end);
  if (end.front() != file.stored()) {
    throw core::DataError(fmt::format("{}: ends with {} at position {}; data holds {} entries",
                                      name, end.front(), rows, file.stored()));
  }
}

// Takes the entries of one row after the other and cuts them into fibres.
class FibreCutter {
 public:
  FibreCutter(Index length, Index count, SparseFibres& out)
      : length_(length), count_(count), out_(&out) {}

  // Of a row, columns [begin, end) are wanted; the first of them begins the fibre `fibre`, counted
  // from the first wanted one.
  void begin_row(Index begin, Index end, Index fibre) {
    begin_ = begin;
    end_ = end;
    fibre_ = fibre;
    ascending_ = true;
    columns_.clear();
    values_.clear();
  }
  void add(Index column, double value) {
    if (column < begin_ || column >= end_) return;
    ascending_ = ascending_ && (columns_.empty() || columns_.back() < column);
    columns_.push_back(column);
    values_.push_back(value);
  }
  void end_row() {
    if (!ascending_) make_ascending();
    Index fibre_begin = begin_;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      while (columns_[i] >= fibre_begin + length_) {
        fibre_begin += length_;
        ++fibre_;
      }
      close_fibres(fibre_);
      out_->columns.push_back(static_cast<std::int32_t>(columns_[i] - fibre_begin));
      out_->values.push_back(values_[i]);
    }
  }
  void finish() { close_fibres(count_); }

 private:
  // Ends all fibres before `fibre`.
  void close_fibres(Index fibre) {
    while (std::ssize(out_->offsets) <= fibre) out_->offsets.push_back(std::ssize(out_->values));
  }

  // Stable, so that duplicates are summed in the file's order.
  void make_ascending() {
    std::vector<std::pair<Index, double>> entries;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      entries.emplace_back(columns_[i], values_[i]);
    }
    std::stable_sort(entries.begin(), entries.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    columns_.clear();
    values_.clear();
    for (const auto& [column, value] : entries) {
      if (!columns_.empty() && columns_.back() == column) {
        values_.back() += value;
      } else {
        columns_.push_back(column);
        values_.push_back(value);
      }
    }
  }

  Index length_;
  Index count_;
  SparseFibres* out_;
  Index begin_ = 0;
  Index end_ = 0;
  Index fibre_ = 0;
  bool ascending_ = true;
  std::vector<Index> columns_;
  std::vector<double> values_;
};

// The rows [first, last) of the group: where the entries of each begin.
std::vector<Index> read_row_offsets(const CompressedRowsFile& file, const DatasetInfo& info,
                                    Index first, Index last) {
  std::vector<Index> offsets(static_cast<std::size_t>(last - first + 1));
  file.read_offsets(first, offsets);
  const Index stored = file.stored();
  for (std::size_t i = 0; i < offsets.size(); ++i) {
    const bool falls = i > 0 && offsets[i] < offsets[i - 1];
    if (!falls && offsets[i] >= 0 && offsets[i] <= stored) continue;
    const Index position = first + static_cast<Index>(i);
    throw core::DataError(
        fmt::format("{}: {} at position {}, where row {} begins, {}",
                    name_of(member(info.location, "indptr")), offsets[i], position, position,
                    falls ? fmt::format("follows {}; the positions must not fall", offsets[i - 1])
                          : fmt::format("is outside the {} stored entries", stored)));
  }
  return offsets;
}

void check_entry(const DatasetInfo& info, Index row, Index position, Index column, double value) {
  if (column < 0 || column >= info.shape[1]) {
    throw core::DataError(fmt::format(
        "{}: row {} has the column {} at position {}, which is out of range; the "
        "matrix has {} columns, counted from 0",
        name_of(member(info.location, "indices")), row, column, position, info.shape[1]));
  }
  if (!std::isfinite(value)) {
    throw core::DataError(fmt::format("{}: row {} holds {} at position {}; values must be finite",
                                      name_of(member(info.location, "data")), row,
                                      std::isnan(value) ? "NaN" : "Inf", position));
  }
}

SparseFibres read_fibres(const DatasetInfo& info, const NumericDataset& data, Index length,
                         Index first, Index count) {
  SparseFibres result;
  if (count == 0) return result;
  const Index per_row = info.shape[1] / length;
  const Index first_row = first / per_row;
  const Index last_row = (first + count - 1) / per_row + 1;
  const CompressedRowsFile file(info.location, data);
  const auto offsets = read_row_offsets(file, info, first_row, last_row);
  result.offsets.reserve(static_cast<std::size_t>(count) + 1);
  FibreCutter cutter(length, count, result);
  std::vector<Index> columns;
  std::vector<double> values;
  Index begin = offsets.front();  // of the piece in memory
  for (Index row = first_row; row < last_row; ++row) {
    const Index fibre = row * per_row - first;
    const Index skipped = std::max<Index>(0, -fibre);
    cutter.begin_row(skipped * length, std::min(per_row, count - fibre) * length, fibre + skipped);
    const auto local = static_cast<std::size_t>(row - first_row);
    for (Index entry = offsets[local]; entry < offsets[local + 1]; ++entry) {
      if (entry >= begin + std::ssize(values)) {
        begin = entry;
        const auto size = static_cast<std::size_t>(std::min(piece_entries, offsets.back() - begin));
        columns.resize(size);
        values.resize(size);
        file.read_entries(begin, columns, values);
      }
      const auto at = static_cast<std::size_t>(entry - begin);
      check_entry(info, row, entry, columns[at], values[at]);
      cutter.add(columns[at], values[at]);
    }
    cutter.end_row();
  }
  cutter.finish();
  return result;
}

}  // namespace

SparseFibres read_sparse_fibres(const communication::Communicator& comm, const Location& location,
                                Index length, Index first, Index count) {
  const auto info = inspect(comm, location);
  require_sparse(info);
  if (info.form != SparseForm::rows || location.transposed) {
    throw core::DataError(
        fmt::format("{}: sparse vectors are read from the rows of a CSR group (encoding-type "
                    "csr_matrix), and this one is stored otherwise; convert it (scipy: .tocsr())",
                    name_of(location)));
  }
  const auto data = examine_numeric(comm, member(info.location, "data"));
  communication::on_root(comm, [&] { check_lengths(info, data); });
  SparseFibres result;
  communication::collectively(comm, [&] {
    const bool divides = length > 0 && length <= std::numeric_limits<std::int32_t>::max() &&
                         info.shape[1] % length == 0;
    if (!divides || first < 0 || count < 0 ||
        first + count > info.shape[0] * (divides ? info.shape[1] / length : 0)) {
      throw core::ShapeError(fmt::format(
          "{}: fibres {} to {} of length {} were asked for; the rows have {} columns, and there "
          "are {}",
          name_of(location), first, first + count, length, info.shape[1], info.shape[0]));
    }
    result = read_fibres(info, data, length, first, count);
  });
  return result;
}

}  // namespace kronwerk::io
