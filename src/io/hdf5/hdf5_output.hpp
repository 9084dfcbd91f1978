#pragma once

#include <span>
#include <string>

#include "io/hdf5/hdf5_handle.hpp"
#include "kronwerk/core/extents.hpp"
#include "kronwerk/io/files/result_file.hpp"

namespace kronwerk::io {

/// Room for the metadata of a few objects: reserved beyond what a write is known to need.
constexpr core::Index metadata_reserve = core::Index{256} << 10;

/// Opens a file for writing that exists. Serial.
FileHandle open_output(const std::string& file);
/// Creates, replacing an empty file that is there. Serial.
FileHandle create_output(const std::string& file);
/// Writes everything out and closes. @throws ResourceError on a full disk
void close_output(FileHandle& file, const std::string& name);

/// A contiguous dataset whose space is allocated at once and not filled; parent groups are created.
DatasetHandle create_dataset(const FileHandle& file, const std::string& path, hid_t type,
                             std::span<const core::Index> shape);

/// A 1-D dataset of 64-bit integers in which only what is written takes space, in chunks; the rest
/// is `fill`. Parent groups are created.
DatasetHandle create_hollow_dataset(const FileHandle& file, const std::string& path,
                                    core::Index size, core::Index chunk, core::Index fill);

/// A whole dataset of any memory type.
void write_all(const DatasetHandle& dataset, hid_t memory_type, const void* values);

/// A 1-D dataset of fixed-length UTF-8 texts, padded by zeros.
void write_strings(const FileHandle& file, const std::string& path,
                   std::span<const std::string> values);

/// The same of variable length.
void write_labels(const FileHandle& file, const std::string& path,
                  std::span<const std::string> values);

/// An attribute of the object at `path`, which becomes a group if there is nothing; replaces.
void write_attribute(const FileHandle& file, const std::string& path, const std::string& name,
                     const AttributeValue& value);
/// The 1-D integer attribute `shape` of CSR groups.
void write_attribute(hid_t object, const std::string& name, std::span<const core::Index> values);

GroupHandle create_group(const FileHandle& file, const std::string& path);

}  // namespace kronwerk::io
