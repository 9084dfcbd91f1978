// Declared in kronwerk/io/import/import.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "io/arrays/npy.hpp"
#include "io/arrays/npz.hpp"
#include "io/hdf5/hdf5_handle.hpp"
#include "io/import/import_target.hpp"
#include "io/import/weights.hpp"
#include "io/text/text_file.hpp"
#include "kronwerk/core/progress.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::io {
namespace {

using core::Index;

constexpr Index piece = Index{1} << 22;

/// What a file holds, by name; one array without a name of a .npy file.
using Arrays = std::map<std::string, std::string>;

Arrays read_arrays(const NpyOptions& options) {
  Arrays arrays;
  std::string bytes = read_bytes(options.file);
  if (is_zip(bytes)) {
    arrays = unpack_zip(bytes, options.file);
  } else {
    arrays[""] = std::move(bytes);
  }
  if (options.arrays.empty()) return arrays;
  std::vector<std::string> names;
  for (const auto& [name, unused] : arrays) names.push_back(name);
  Arrays chosen;
  for (const auto& name : options.arrays) {
    if (!arrays.contains(name) || name.empty()) {
      throw core::ConfigurationError(fmt::format("{}: has no array '{}'{}; it holds {}",
                                                 options.file, name, core::suggestion(name, names),
                                                 core::join(names, ", ")));
    }
    chosen[name] = std::move(arrays[name]);
  }
  return chosen;
}

std::string name_in(const NpyOptions& options, const std::string& array) {
  return array.empty() ? options.file : options.file + ":" + array;
}

/// scipy.sparse.save_npz's arrays as entries. @throws DataError
class SparseArrays {
 public:
  SparseArrays(const NpyOptions& options, const Arrays& arrays)
      : options_(options), arrays_(arrays) {}

  bool are_one() const {
    return arrays_.contains("format") && arrays_.contains("shape") && arrays_.contains("data");
  }
  EntryMatrix matrix() const {
    const auto format = array("format").texts();
    const auto shape = integers("shape");
    if (format.size() != 1 || shape.size() != 2 || shape[0] < 0 || shape[1] < 0) {
      throw core::DataError(options_.file + ": is no sparse matrix of scipy's");
    }
    EntryMatrix matrix{shape[0], shape[1], {}};
    const auto values = numbers("data");
    if (format[0] == "coo") {
      add(matrix, integers("row"), integers("col"), values);
    } else if (format[0] == "csr") {
      add(matrix, spread(integers("indptr"), values.size()), integers("indices"), values);
    } else if (format[0] == "csc") {
      add(matrix, integers("indices"), spread(integers("indptr"), values.size()), values);
    } else {
      throw core::DataError(
          fmt::format("{}: is a sparse matrix of the format '{}'; expected csr, "
                      "csc or coo (scipy: .tocsr())",
                      options_.file, format[0]));
    }
    sum_entries(matrix.entries);
    return matrix;
  }

 private:
  NpyArray array(const std::string& name) const {
    const auto found = arrays_.find(name);
    if (found == arrays_.end()) {
      throw core::DataError(
          fmt::format("{}: the sparse matrix has no array '{}'", options_.file, name));
    }
    return {found->second, name_in(options_, name)};
  }
  std::vector<double> numbers(const std::string& name) const {
    const NpyArray numbers = array(name);
    if (numbers.is_text()) {
      throw core::DataError(name_in(options_, name) + ": holds texts; expected numbers");
    }
    std::vector<double> values(static_cast<std::size_t>(numbers.size()));
    numbers.read(0, values);
    return values;
  }
  std::vector<Index> integers(const std::string& name) const {
    std::vector<Index> result;
    for (const double value : numbers(name)) {
      // Exact up to here; NaN is not below it.
      if (!(std::abs(value) < 9e15)) {
        throw core::DataError(name_in(options_, name) + ": holds numbers that are no positions");
      }
      result.push_back(static_cast<Index>(value));
    }
    return result;
  }
  /// The row of each entry, from where the rows begin.
  std::vector<Index> spread(const std::vector<Index>& offsets, std::size_t stored) const {
    std::vector<Index> result;
    for (std::size_t row = 0; row + 1 < offsets.size(); ++row) {
      if (offsets[row + 1] < offsets[row] || offsets[row + 1] > static_cast<Index>(stored)) {
        throw core::DataError(fmt::format("{}: {} at position {} is no beginning of a row",
                                          name_in(options_, "indptr"), offsets[row + 1], row + 1));
      }
      result.resize(static_cast<std::size_t>(offsets[row + 1]), static_cast<Index>(row));
    }
    return result;
  }
  void add(EntryMatrix& matrix, const std::vector<Index>& rows, const std::vector<Index>& columns,
           const std::vector<double>& values) const {
    if (rows.size() != values.size() || columns.size() != values.size()) {
      throw core::DataError(fmt::format("{}: has {} values at {} rows and {} columns",
                                        options_.file, values.size(), rows.size(), columns.size()));
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (rows[i] < 0 || rows[i] >= matrix.rows || columns[i] < 0 || columns[i] >= matrix.cols ||
          !std::isfinite(values[i])) {
        throw core::DataError(fmt::format(
            "{}: the stored entry {} is {} at ({}, {}); expected finite numbers within {} x {}",
            options_.file, i, values[i], rows[i], columns[i], matrix.rows, matrix.cols));
      }
      matrix.entries.push_back({rows[i], columns[i], values[i], 0});
    }
  }

  const NpyOptions& options_;
  const Arrays& arrays_;
};

/// Dense arrays, one after the other.
class ArrayOutput {
 public:
  ArrayOutput(const NpyOptions& options, std::string source)
      : source_(std::move(source)),
        file_(options.target.location.file, options.target.overwrite, options.target.stop) {
    summary_.location = {options.target.location.file,
                         normalised_path(options.target.location.dataset)};
  }

  void store(const std::string& path, const NpyArray& array, const std::string& name) {
    if (array.is_text()) {
      if (array.shape().size() != 1) {
        throw core::DataError(fmt::format("{}: texts of shape ({}); expected a list (1-D)", name,
                                          core::to_text(array.shape())));
      }
      file_.write_strings(path, array.texts());
    } else {
      file_.create_dense(path, array.shape());
      write(path, array);
      file_.write_attribute(path, "source", source_);
      summary_.shape = array.shape();
    }
    summary_.datasets.push_back(path);
  }
  ImportSummary commit() {
    if (missing_ > 0) {
      summary_.notes.push_back(fmt::format("{} values are NaN", core::format_count(missing_)));
    }
    file_.commit();
    return std::move(summary_);
  }

 private:
  void write(const std::string& path, const NpyArray& array) {
    std::vector<double> values;
    for (Index first = 0; first < array.size(); first += piece) {
      core::report_progress("values", first, array.size());
      values.resize(static_cast<std::size_t>(std::min(piece, array.size() - first)));
      array.read(first, values);
      summary_.stored += nonzeros(values);
      missing_ += std::ranges::count_if(values, [](double value) { return std::isnan(value); });
      file_.write_range(path, first, values);
    }
  }

  std::string source_;
  DataFile file_;
  ImportSummary summary_;
  Index missing_ = 0;
};

}  // namespace

ImportSummary import_npy(const NpyOptions& options) {
  refuse_target_among(options.target, {options.file});
  const Arrays arrays = read_arrays(options);
  if (arrays.empty()) throw core::DataError(options.file + ": holds no arrays");
  const auto source = "npy " + std::filesystem::path(options.file).filename().string();
  const SparseArrays sparse(options, arrays);
  if (options.arrays.empty() && sparse.are_one()) {
    return store_weights(options.target, sparse.matrix(), {}, source);
  }
  ArrayOutput output(options, source);
  const auto path = normalised_path(options.target.location.dataset);
  for (const auto& [name, bytes] : arrays) {
    const NpyArray array(bytes, name_in(options, name));
    output.store(arrays.size() == 1 ? path : normalised_path(path + "/" + name), array,
                 name_in(options, name));
  }
  return output.commit();
}

}  // namespace kronwerk::io
