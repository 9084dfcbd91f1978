#include "io/hdf5/hdf5_output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "io/hdf5/hdf5_input.hpp"
#include "io/hdf5/hyperslab.hpp"

namespace kronwerk::io {

namespace {

PropertiesHandle with_parents() {
  auto properties = PropertiesHandle::adopt(H5Pcreate(H5P_LINK_CREATE));
  H5Pset_create_intermediate_group(properties.get(), 1);
  H5Pset_char_encoding(properties.get(), H5T_CSET_UTF8);
  return properties;
}

void replace_attribute(hid_t object, const std::string& name, hid_t type, hid_t space,
                       const void* value) {
  if (H5Aexists(object, name.c_str()) > 0) H5Adelete(object, name.c_str());
  const auto attribute = AttributeHandle::adopt(
      H5Acreate2(object, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT));
  if (!attribute || H5Awrite(attribute.get(), type, value) < 0) {
    throw_hdf5(fmt::format("cannot write the attribute '{}'", name));
  }
}

// Variable-length, because fixed-size attributes end at 64 KB.
void write_text(hid_t object, const std::string& name, hid_t space, const std::string& text) {
  const auto type = TypeHandle::adopt(H5Tcopy(H5T_C_S1));
  H5Tset_size(type.get(), H5T_VARIABLE);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  const char* pointer = text.c_str();
  replace_attribute(object, name, type.get(), space, &pointer);
}

}  // namespace

FileHandle open_output(const std::string& file) {
  const auto access = file_access();
  auto handle = FileHandle::adopt(H5Fopen(file.c_str(), H5F_ACC_RDWR, access.get()));
  if (!handle) throw_hdf5(fmt::format("{}: cannot be opened for writing", file));
  return handle;
}

FileHandle create_output(const std::string& file) {
  const auto access = file_access();
  auto handle =
      FileHandle::adopt(H5Fcreate(file.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get()));
  if (!handle) throw_hdf5(fmt::format("{}: cannot be created", file));
  return handle;
}

void close_output(FileHandle& file, const std::string& name) {
  if (H5Fflush(file.get(), H5F_SCOPE_LOCAL) < 0 || file.close() < 0) {
    throw_hdf5(fmt::format("{}: cannot be written completely", name));
  }
}

DatasetHandle create_dataset(const FileHandle& file, const std::string& path, hid_t type,
                             std::span<const core::Index> shape) {
  if (shape.size() > H5S_MAX_RANK) {
    throw core::ShapeError(
        fmt::format("the dataset '{}' has {} dimensions, of which HDF5 allows {}", path,
                    shape.size(), H5S_MAX_RANK));
  }
  const std::vector<hsize_t> sizes(shape.begin(), shape.end());
  const auto space = SpaceHandle::adopt(
      sizes.empty() ? H5Screate(H5S_SCALAR)
                    : H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr));
  const auto properties = PropertiesHandle::adopt(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_alloc_time(properties.get(), H5D_ALLOC_TIME_EARLY);
  H5Pset_fill_time(properties.get(), H5D_FILL_TIME_NEVER);
  // Without times, the same job writes the same bytes.
  H5Pset_obj_track_times(properties.get(), false);
  const auto links = with_parents();
  auto dataset =
      DatasetHandle::adopt(H5Dcreate2(file.get(), normalised_path(path).c_str(), type, space.get(),
                                      links.get(), properties.get(), H5P_DEFAULT));
  if (!dataset) throw_hdf5(fmt::format("cannot create the dataset '{}'", path));
  return dataset;
}

DatasetHandle create_hollow_dataset(const FileHandle& file, const std::string& path,
                                    core::Index size, core::Index chunk, core::Index fill) {
  const hsize_t extent = static_cast<hsize_t>(size);
  const hsize_t chunk_extent = static_cast<hsize_t>(chunk);
  const auto space = SpaceHandle::adopt(H5Screate_simple(1, &extent, nullptr));
  const auto properties = PropertiesHandle::adopt(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_chunk(properties.get(), 1, &chunk_extent);
  H5Pset_alloc_time(properties.get(), H5D_ALLOC_TIME_INCR);
  H5Pset_fill_value(properties.get(), H5T_NATIVE_INT64, &fill);
  H5Pset_obj_track_times(properties.get(), false);
  const auto links = with_parents();
  auto dataset =
      DatasetHandle::adopt(H5Dcreate2(file.get(), normalised_path(path).c_str(), H5T_NATIVE_INT64,
                                      space.get(), links.get(), properties.get(), H5P_DEFAULT));
  if (!dataset) throw_hdf5(fmt::format("cannot create the dataset '{}'", path));
  return dataset;
}

void write_all(const DatasetHandle& dataset, hid_t memory_type, const void* values) {
  const auto shape = shape_of(dataset.get());
  write_elements(dataset, memory_type, shape, 0, core::product(shape), values);
}

GroupHandle create_group(const FileHandle& file, const std::string& path) {
  const auto links = with_parents();
  auto group = GroupHandle::adopt(
      H5Gcreate2(file.get(), normalised_path(path).c_str(), links.get(), H5P_DEFAULT, H5P_DEFAULT));
  if (!group) throw_hdf5(fmt::format("cannot create the group '{}'", path));
  return group;
}

void write_strings(const FileHandle& file, const std::string& path,
                   std::span<const std::string> values) {
  std::size_t length = 1;
  for (const auto& value : values) length = std::max(length, value.size());
  std::string packed(values.size() * length, '\0');
  for (std::size_t i = 0; i < values.size(); ++i) {
    packed.replace(i * length, values[i].size(), values[i]);
  }
  const auto type = TypeHandle::adopt(H5Tcopy(H5T_C_S1));
  H5Tset_size(type.get(), length);
  H5Tset_strpad(type.get(), H5T_STR_NULLPAD);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  const core::Extents shape{core::narrow<core::Index>(values.size())};
  write_all(create_dataset(file, path, type.get(), shape), type.get(), packed.data());
}

void write_labels(const FileHandle& file, const std::string& path,
                  std::span<const std::string> values) {
  const auto type = TypeHandle::adopt(H5Tcopy(H5T_C_S1));
  H5Tset_size(type.get(), H5T_VARIABLE);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  std::vector<const char*> pointers;
  for (const auto& value : values) pointers.push_back(value.c_str());
  const hsize_t size = values.size();
  const auto space = SpaceHandle::adopt(H5Screate_simple(1, &size, nullptr));
  // Unlike other datasets it needs a fill value, the empty text.
  const auto properties = PropertiesHandle::adopt(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_obj_track_times(properties.get(), false);
  const auto links = with_parents();
  const auto dataset =
      DatasetHandle::adopt(H5Dcreate2(file.get(), normalised_path(path).c_str(), type.get(),
                                      space.get(), links.get(), properties.get(), H5P_DEFAULT));
  if (!dataset) throw_hdf5(fmt::format("cannot create the dataset '{}'", path));
  write_all(dataset, type.get(), pointers.data());
}

void write_attribute(const FileHandle& file, const std::string& path, const std::string& name,
                     const AttributeValue& value) {
  if (!object_exists(file, normalised_path(path))) create_group(file, path);
  const auto object =
      ObjectHandle::adopt(H5Oopen(file.get(), normalised_path(path).c_str(), H5P_DEFAULT));
  if (!object) throw_hdf5(fmt::format("cannot open '{}' to add an attribute", path));
  const auto space = SpaceHandle::adopt(H5Screate(H5S_SCALAR));
  if (const auto* text = std::get_if<std::string>(&value)) {
    write_text(object.get(), name, space.get(), *text);
  } else if (const auto* number = std::get_if<double>(&value)) {
    replace_attribute(object.get(), name, H5T_NATIVE_DOUBLE, space.get(), number);
  } else {
    replace_attribute(object.get(), name, H5T_NATIVE_INT64, space.get(),
                      &std::get<core::Index>(value));
  }
}

void write_attribute(hid_t object, const std::string& name, std::span<const core::Index> values) {
  const hsize_t size = values.size();
  const auto space = SpaceHandle::adopt(H5Screate_simple(1, &size, nullptr));
  replace_attribute(object, name, H5T_NATIVE_INT64, space.get(), values.data());
}

}  // namespace kronwerk::io
