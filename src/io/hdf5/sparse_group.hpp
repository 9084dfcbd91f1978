#pragma once

#include "io/hdf5/hdf5_input.hpp"

namespace kronwerk::io {

/// "data", "indices" or "indptr" of a CSR group.
Location member(const Location& group, const char* name);

/// @throws DataError if `info` is not a CSR group
void require_sparse(const DatasetInfo& info);

/// Opens a list of integers of a CSR group. Serial. @throws DataError for anything else
DatasetHandle open_integers(const FileHandle& file, const Location& location);

}  // namespace kronwerk::io
