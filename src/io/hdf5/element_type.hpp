#pragma once

#include <hdf5.h>

#include <string>

#include "io/hdf5/hdf5_handle.hpp"

namespace kronwerk::io {

/// Whether these are truth values as h5py writes them: an enumeration of FALSE = 0 and TRUE = 1.
bool is_boolean(hid_t type);

/// Complex numbers of two doubles as NumPy and h5py have them: a compound of "r" and "i".
TypeHandle complex_type();

/// Whether these are such numbers, of any precision.
bool is_complex(hid_t type);

/// Whether HDF5 makes floating-point numbers of these: numbers and truth values.
bool holds_numbers(hid_t type);

/// "float64", "int32", "bool", "string", "complex128", "enum", "compound", …
std::string type_name(hid_t type);

}  // namespace kronwerk::io
