#pragma once

#include <string>

namespace kronwerk::io {

/// A text description of a data or result file: the tree of datasets with shapes, types and
/// attributes (a CSR group is one line: shape, stored entries, density), least, greatest and mean
/// value of numeric datasets up to a million elements, the report of a result as a table, and the
/// configuration text last. Serial: call it on one rank.
/// @throws DataError if the file does not exist, is no HDF5 or is truncated
std::string describe_file(const std::string& file);

}  // namespace kronwerk::io
