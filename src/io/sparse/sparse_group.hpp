#pragma once

#include <optional>
#include <string>
#include <vector>

#include "io/hdf5/hdf5_input.hpp"

namespace kronwerk::io {

/// "data", "indices", … of a group.
Location member(const Location& group, const char* name);

/// How a group holds a sparse matrix, by the names of its members; absent if it holds none. The
/// columns of MATLAB's are those of its `jc`, which this does not open. Serial.
/// @throws DataError for one that is incomplete or says that it is something else
std::optional<DatasetInfo> describe_sparse_group(const Location& location, hid_t group,
                                                 const std::vector<std::string>& members);

/// @throws DataError if `info` is no sparse matrix
void require_sparse(const DatasetInfo& info);

/// Opens a list of integers of such a group. Serial. @throws DataError for anything else
DatasetHandle open_integers(const FileHandle& file, const Location& location);

}  // namespace kronwerk::io
