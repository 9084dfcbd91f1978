#pragma once

#include <optional>
#include <string>
#include <vector>

#include "io/hdf5/hdf5_handle.hpp"
#include "kronwerk/io/files/location.hpp"

namespace kronwerk::io {

/// "flights.h5:/W", the beginning of every message about a dataset.
std::string name_of(const Location& location);

/// Opens for reading, telling apart: no such file, no permission, no HDF5, truncated. Serial.
/// @throws DataError
FileHandle open_input(const std::string& file);

/// Opens the dataset or group, or suggests the nearest name. @throws DataError
ObjectHandle open_object(const FileHandle& file, const Location& location);
DatasetHandle open_dataset(const FileHandle& file, const Location& location);

/// Paths of all datasets and sparse matrices of a file, at most a thousand.
std::vector<std::string> dataset_paths(const FileHandle& file);

/// Whether there is an object at a normalised path; `access` says which links are followed.
bool object_exists(const FileHandle& file, const std::string& path, hid_t access = H5P_DEFAULT);

/// Extents of a dataset; none for a scalar.
core::Extents shape_of(hid_t dataset);
/// What a dataset or group of a sparse matrix is. @throws DataError for any other group
DatasetInfo describe_object(const FileHandle& file, const Location& location);

/// A string attribute of fixed or variable length, if there is one.
std::optional<std::string> string_attribute(hid_t object, const std::string& name);
/// A numeric attribute (scalar or 1-D) converted to integers, if there is one.
std::optional<std::vector<core::Index>> index_attribute(hid_t object, const std::string& name);

/// All strings of a 1-D or scalar string dataset.
std::vector<std::string> read_all_strings(const FileHandle& file, const Location& location);

}  // namespace kronwerk::io
