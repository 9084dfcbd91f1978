#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/core/extents.hpp"
#include "kronwerk/io/files/result_file.hpp"
#include "kronwerk/io/files/sparse_matrix.hpp"

namespace kronwerk::io {

/// Writes data files (design section 7) from one process; how the importers and tests make their
/// HDF5. An existing file is copied under a temporary name first, so that the target is either
/// whole or as it was; commit() renames, the destructor removes the temporary.
///
/// Nothing here is collective. All functions throw ConfigurationError if the object exists and
/// overwriting was not asked for, DataError if the target is no HDF5 file, ResourceError on a full
/// disk. Parent groups are created.
class DataFile {
 public:
  /// Opens `file` for additions or creates it and its directory, and keeps other processes from
  /// writing it until this ends; another DataFile of it is waited for.
  /// @param stop  asked while waiting, which it ends by Terminated; null: nothing does
  explicit DataFile(const std::string& file, bool overwrite = false, bool (*stop)() = nullptr);
  DataFile(DataFile&&) noexcept;
  DataFile& operator=(DataFile&&) noexcept;
  ~DataFile();

  /// A float64 dataset; values in row-major order.
  void write_dense(const std::string& path, std::span<const core::Index> shape,
                   std::span<const double> values);
  /// A float64 dataset without values yet; fill it by write_range.
  void create_dense(const std::string& path, std::span<const core::Index> shape);
  void write_range(const std::string& path, core::Index offset, std::span<const double> values);
  /// A CSR group: data, indices, indptr, attributes shape and encoding-type.
  void write_sparse(const std::string& path, const SparseMatrix& matrix);
  /// The same from entries in ascending order of rows and columns. The row offsets are written
  /// piece by piece: memory is needed for the entries, however many rows there are.
  /// @param entry_rows, columns, values  one each per stored entry
  void write_sparse(const std::string& path, core::Index rows, core::Index cols,
                    std::span<const core::Index> entry_rows, std::span<const std::int32_t> columns,
                    std::span<const double> values);
  /// A 1-D dataset of fixed-length UTF-8 strings.
  void write_strings(const std::string& path, std::span<const std::string> values);
  void write_attribute(const std::string& path, const std::string& name,
                       const AttributeValue& value);
  /// Closes and renames to the target.
  void commit();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kronwerk::io
