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
};

/// What is at a location, from its metadata alone.
struct DatasetInfo {
  Location location;
  bool sparse = false;     ///< a CSR group
  bool encoded = true;     ///< whether a CSR group says that it is one (encoding-type)
  core::Extents shape;     ///< of a dataset; (rows, cols) of a CSR group
  core::Index stored = 0;  ///< stored entries of a CSR group, else the number of elements
  std::string type;        ///< "float64", "int32", "string", …
};

}  // namespace kronwerk::io
