#pragma once

#include <string>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::io {

/// A dataset (or a sparse group) in an HDF5 file.
struct Location {
  std::string file;
  std::string dataset;
  /// Whether its values may be in other files: by an external link, external storage, or a virtual
  /// dataset.
  bool external = false;
  /// Whether its dimensions are in the opposite order there, as MATLAB, R, Julia and Fortran write
  /// them: what is read has the last one first.
  bool transposed = false;
};

/// How a sparse matrix is stored in a group.
enum class SparseForm {
  rows,         ///< CSR: data, indices, indptr
  columns,      ///< CSC: the same by columns
  coordinates,  ///< COO: data, row, col
  matlab        ///< by columns as MATLAB does: data, ir, jc
};

/// "rows", "columns" or "coordinates": what its entries are stored by.
inline const char* order_of(SparseForm form) {
  return form == SparseForm::rows          ? "rows"
         : form == SparseForm::coordinates ? "coordinates"
                                           : "columns";
}

/// What is at a location, from its metadata alone.
struct DatasetInfo {
  Location location;
  bool sparse = false;  ///< a sparse matrix in a group
  SparseForm form = SparseForm::rows;
  bool encoded = true;     ///< whether a CSR group says that it is one (encoding-type)
  core::Extents shape;     ///< of what is read: of a dataset; (rows, cols) of a sparse matrix
  core::Index stored = 0;  ///< stored entries of a sparse matrix, else the number of elements
  std::string type;        ///< "float64", "int32", "string", …
};

}  // namespace kronwerk::io
