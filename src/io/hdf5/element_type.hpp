#pragma once

#include <hdf5.h>

#include <string>

namespace kronwerk::io {

/// Whether these are truth values as h5py writes them: an enumeration of FALSE = 0 and TRUE = 1.
bool is_boolean(hid_t type);

/// Whether HDF5 makes floating-point numbers of these: numbers and truth values.
bool holds_numbers(hid_t type);

/// "float64", "int32", "bool", "string", "enum", "compound", …
std::string type_name(hid_t type);

}  // namespace kronwerk::io
