#pragma once

#include <complex>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/io/files/location.hpp"
#include "kronwerk/io/files/sparse_matrix.hpp"

namespace kronwerk::io {

using AttributeValue = std::variant<double, core::Index, std::string>;

/// A result that is not whole yet, kept for a job that goes on: where the values of its datasets
/// are.
struct HeldResult {
  struct Dataset {
    std::string path;
    core::Index offset = 0;  ///< of the first value, in bytes
    core::Index count = 0;   ///< of values
    core::Index width = 8;   ///< bytes of a value
    friend bool operator==(const Dataset&, const Dataset&) = default;
  };
  std::string file;
  std::vector<Dataset> datasets;
  friend bool operator==(const HeldResult&, const HeldResult&) = default;
};

/// A result that is whole or does not exist: written under a temporary name in the target's
/// directory, renamed by commit(), removed by the destructor otherwise (design section 5).
class ResultFile {
 public:
  /// Creates the directory if need be and removes temporaries that killed jobs left for the same
  /// target. Collective. @throws ConfigurationError if the target exists and `overwrite` is false,
  /// or the directory cannot be created or written
  ResultFile(const communication::Communicator& comm, const std::string& target, bool overwrite);
  /// One that takes everything that a file of this name would, and keeps nothing. Local.
  static ResultFile discarding(const communication::Communicator& comm, const std::string& target);
  ResultFile(ResultFile&&) noexcept;
  ResultFile& operator=(ResultFile&&) noexcept;
  /// Removes the temporary file unless commit() succeeded. Not collective: safe while unwinding.
  ~ResultFile();

  /// Declares a float64 dataset and reserves its space on disk. Parent groups are created.
  /// Collective. @throws ResourceError (exit 4) on every rank if the disk is full
  void create_dataset(const std::string& path, std::span<const core::Index> shape);
  /// Writes consecutive elements (row-major, from `offset`) of a declared dataset; count may be 0.
  /// Collective; the status is agreed on after each slab. @throws ResourceError on a full disk
  void write_range(const std::string& path, core::Index offset, std::span<const double> values);
  /// The same for complex numbers: a compound of `r` and `i`, which h5py reads as complex.
  /// Collective.
  void create_complex_dataset(const std::string& path, std::span<const core::Index> shape);
  void write_complex_range(const std::string& path, core::Index offset,
                           std::span<const std::complex<double>> values);
  /// The same for 64-bit integers. Collective.
  void create_integer_dataset(const std::string& path, std::span<const core::Index> shape);
  void write_integer_range(const std::string& path, core::Index offset,
                           std::span<const std::int64_t> values);
  /// Declares a CSR group (design section 7) of so many entries: its `data`, and `indices` and
  /// `indptr` of 64-bit integers. Collective.
  void create_sparse(const std::string& path, core::Index rows, core::Index cols,
                     core::Index stored);
  /// Declares and writes a CSR group held by rank 0. Collective.
  void write_sparse(const std::string& path, const SparseMatrix& matrix);
  /// A scalar dataset. Collective.
  void write_scalar(const std::string& path, double value);
  /// A small 1-D dataset held by rank 0. Collective.
  void write_vector(const std::string& path, std::span<const double> values);
  /// A small dataset of any shape held by rank 0, in row-major order. Collective.
  void write_array(const std::string& path, std::span<const core::Index> shape,
                   std::span<const double> values);
  /// A small 1-D dataset of fixed-length UTF-8 texts held by rank 0. Collective.
  void write_strings(const std::string& path, const std::vector<std::string>& values);
  /// The same of variable length, as tools for netCDF-4 expect labels. Collective.
  void write_labels(const std::string& path, const std::vector<std::string>& values);
  /// Names the axes of a dataset, so that netCDF-4 reads them: those that are 1-D datasets of its
  /// group are the coordinates, the others dimensions. From then on commit() gives dimension scales
  /// to all datasets of the file, called "<dataset>_dim_<axis>" where nothing was said. Collective.
  void name_axes(const std::string& path, const std::vector<std::string>& names);
  /// An attribute of the group or dataset `path` ("/" for the root), created as a group if absent.
  /// Strings are variable-length UTF-8. Collective; rank 0's value counts.
  void write_attribute(const std::string& path, const std::string& name,
                       const AttributeValue& value);
  /// Forces to the disk what was written so far and keeps it under another name on the same file
  /// system, where it stays if this ends without commit(). Says what is where. Collective.
  HeldResult hold(const std::string& name);
  /// Copies the values [first, first + count) of a dataset, which was declared here too, from a
  /// result that was held. Collective.
  /// @throws DataError if that has no such dataset of this size, or cannot be read
  void take_over(const HeldResult& held, const std::string& path, core::Index first,
                 core::Index count);
  /// What was written so far is on the disk afterwards. Collective.
  /// @throws ResourceError on a full disk, also of another node
  void flush();
  /// Flushes, closes, and renames to the target. Collective.
  void commit();

 private:
  ResultFile();
  enum class Element { real, complex, integer };
  void declare(const std::string& path, std::span<const core::Index> shape, Element element);
  void write_bytes(const std::string& path, core::Index offset, core::Index count,
                   const std::byte* values, Element element);

  struct Declared;
  struct State;
  std::unique_ptr<State> state_;
};

/// "1.10.8".
std::string hdf5_version();

}  // namespace kronwerk::io
