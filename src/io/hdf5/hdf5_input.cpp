#include "io/hdf5/hdf5_input.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "io/files/file_descriptor.hpp"
#include "io/hdf5/element_type.hpp"
#include "io/hdf5/external.hpp"
#include "io/sparse/sparse_group.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/io/files/suggest_file.hpp"

namespace kronwerk::io {

namespace {

constexpr std::size_t listed_paths = 1000;

void require_readable(const std::string& file) {
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (status.type() == std::filesystem::file_type::not_found) {
    throw core::DataError(fmt::format("{}: the file does not exist{}", file, suggest_file(file)));
  }
  if (std::filesystem::is_directory(status)) {
    throw core::DataError(fmt::format("{}: is a directory; expected an HDF5 file", file));
  }
  if (is_pipe_or_device(status)) {
    throw core::DataError(fmt::format("{}: is a pipe or a device; expected an HDF5 file", file));
  }
  errno = 0;
  if (!std::ifstream(file)) {
    throw core::DataError(fmt::format("{}: cannot be read ({})", file, std::strerror(errno)));
  }
}

struct PathList {
  std::vector<std::string> groups;
  std::vector<std::string> datasets;
};

herr_t collect_path(hid_t /*root*/, const char* name, const H5O_info_t* info, void* data) {
  auto& list = *static_cast<PathList*>(data);
  if (list.datasets.size() + list.groups.size() >= listed_paths) return 1;
  if (std::strcmp(name, ".") == 0) return 0;
  if (info->type == H5O_TYPE_GROUP) list.groups.push_back("/" + std::string(name));
  if (info->type == H5O_TYPE_DATASET) list.datasets.push_back("/" + std::string(name));
  return 0;
}

std::vector<std::string> member_names(const FileHandle& file, const std::string& group) {
  std::vector<std::string> names;
  auto collect = [](hid_t, const char* name, const H5L_info_t*, void* data) -> herr_t {
    static_cast<std::vector<std::string>*>(data)->emplace_back(name);
    return 0;
  };
  H5Literate_by_name(file.get(), group.c_str(), H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, collect,
                     &names, H5P_DEFAULT);
  return names;
}

DatasetInfo describe_group(const FileHandle& file, const Location& location, hid_t group) {
  const auto path = normalised_path(location.dataset);
  const auto members = member_names(file, path);
  const auto sparse = describe_sparse_group(location, group, members);
  if (!sparse) {
    throw core::DataError(
        fmt::format("{}: is a group, not a dataset; it holds {}", name_of(location),
                    members.empty() ? std::string("nothing") : core::join(members, ", ")));
  }
  DatasetInfo info = *sparse;
  const auto data = open_dataset(file, member(location, "data"));
  info.stored = core::product(shape_of(data.get()));
  const auto type = TypeHandle::adopt(H5Dget_type(data.get()));
  info.type = type_name(type.get());
  if (info.form == SparseForm::matlab) {
    const auto offsets = open_integers(file, member(location, "jc"));
    info.shape.push_back(shape_of(offsets.get()).front() - 1);
  }
  if (location.transposed) std::ranges::reverse(info.shape);
  return info;
}

}  // namespace

// H5Oexists_by_name fails where a parent is missing, so each part is looked at in turn.
bool object_exists(const FileHandle& file, const std::string& path, hid_t access) {
  if (path == "/") return true;
  for (auto slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    if (H5Lexists(file.get(), part.c_str(), access) <= 0) return false;
    if (H5Oexists_by_name(file.get(), part.c_str(), access) <= 0) return false;
    if (slash == std::string::npos) return true;
  }
}

std::string name_of(const Location& location) {
  return location.file + ":" + normalised_path(location.dataset);
}

FileHandle open_input(const std::string& file) {
  require_readable(file);
  const auto access = file_access();
  auto handle = FileHandle::adopt(H5Fopen(file.c_str(), H5F_ACC_RDONLY, access.get()));
  if (handle) return handle;
  const std::string text = hdf5_error_text();
  if (H5Fis_hdf5(file.c_str()) <= 0) {
    throw core::DataError(fmt::format("{}: is not an HDF5 file (no HDF5 signature in its {} bytes)",
                                      file, std::filesystem::file_size(file)));
  }
  if (text.find("truncated file") != std::string::npos) {
    throw core::DataError(
        fmt::format("{}: the file is truncated ({}); copy or create it again", file, text));
  }
  throw core::DataError(fmt::format("{}: cannot be opened as HDF5 ({})", file, text));
}

std::vector<std::string> dataset_paths(const FileHandle& file) {
  PathList list;
  // Without the sizes of metadata, which HDF5 1.10 crashes over in damaged files.
  H5Ovisit2(file.get(), H5_INDEX_NAME, H5_ITER_NATIVE, collect_path, &list, H5O_INFO_BASIC);
  std::vector<std::string> paths;
  for (const auto& group : list.groups) {
    const auto has = [&](const char* name) {
      return std::ranges::find(list.datasets, group + "/" + name) != list.datasets.end();
    };
    if (has("data") && (has("indptr") || has("jc") || (has("row") && has("col")))) {
      paths.push_back(group);
    }
  }
  for (const auto& dataset : list.datasets) {
    if (std::find(paths.begin(), paths.end(), parent_path(dataset)) == paths.end()) {
      paths.push_back(dataset);
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

ObjectHandle open_object(const FileHandle& file, const Location& location) {
  const auto path = normalised_path(location.dataset);
  const LinkAccess links(location);
  if (object_exists(file, path, links.get())) {
    auto object = ObjectHandle::adopt(H5Oopen(file.get(), path.c_str(), links.get()));
    if (object) {
      if (H5Iget_type(object.get()) == H5I_DATASET) check_storage(object.get(), location);
      return object;
    }
    throw core::DataError(
        fmt::format("{}: cannot be opened ({})", name_of(location), hdf5_error_text()));
  }
  links.check();
  auto paths = dataset_paths(file);
  const auto hint = core::suggestion(path, paths);
  const std::size_t shown = 10;
  const bool more = paths.size() > shown;
  if (more) paths.resize(shown);
  throw core::DataError(fmt::format(
      "{}: no dataset '{}'{}; the file holds {}{}", location.file, path, hint,
      paths.empty() ? std::string("no datasets") : core::join(paths, ", "), more ? ", …" : ""));
}

DatasetHandle open_dataset(const FileHandle& file, const Location& location) {
  const auto object = open_object(file, location);
  if (H5Iget_type(object.get()) != H5I_DATASET) {
    throw core::DataError(fmt::format("{}: is a group; expected a dataset", name_of(location)));
  }
  const LinkAccess links(location);
  auto dataset = DatasetHandle::adopt(
      H5Dopen2(file.get(), normalised_path(location.dataset).c_str(), links.get()));
  if (!dataset) {
    throw core::DataError(
        fmt::format("{}: cannot be opened ({})", name_of(location), hdf5_error_text()));
  }
  return dataset;
}

core::Extents shape_of(hid_t dataset) {
  const auto space = SpaceHandle::adopt(H5Dget_space(dataset));
  if (H5Sget_simple_extent_type(space.get()) == H5S_NULL) return {0};
  std::array<hsize_t, H5S_MAX_RANK> sizes{};
  const int rank = H5Sget_simple_extent_dims(space.get(), sizes.data(), nullptr);
  core::Extents shape;
  for (int i = 0; i < rank; ++i) {
    shape.push_back(core::narrow<core::Index>(sizes[static_cast<std::size_t>(i)]));
  }
  return shape;
}

DatasetInfo describe_object(const FileHandle& file, const Location& location) {
  const auto object = open_object(file, location);
  const auto kind = H5Iget_type(object.get());
  if (kind == H5I_GROUP) return describe_group(file, location, object.get());
  if (kind != H5I_DATASET) {
    throw core::DataError(fmt::format("{}: is neither a dataset nor a group", name_of(location)));
  }
  const auto type = TypeHandle::adopt(H5Dget_type(object.get()));
  DatasetInfo info;
  info.location = location;
  info.location.dataset = normalised_path(location.dataset);
  info.shape = shape_of(object.get());
  if (location.transposed) std::ranges::reverse(info.shape);
  info.stored = core::product(info.shape);
  info.type = type_name(type.get());
  return info;
}

}  // namespace kronwerk::io
