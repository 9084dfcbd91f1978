#include "io/hdf5/hdf5_handle.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "kronwerk/io/files/result_file.hpp"

namespace kronwerk::io {

void quiet_hdf5() {
  static const bool done = [] {
    H5open();
    return H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr) >= 0;
  }();
  (void)done;
}

namespace {

struct CollectedErrors {
  std::string innermost;
  bool disk_full = false;
};

herr_t collect_error(unsigned /*level*/, const H5E_error2_t* error, void* data) {
  auto& collected = *static_cast<CollectedErrors*>(data);
  if (error->desc == nullptr) return 0;
  const std::string_view text = error->desc;
  if (text.find("No space left") != std::string_view::npos ||
      text.find("quota exceeded") != std::string_view::npos) {
    collected.disk_full = true;
  }
  if (!text.empty()) collected.innermost = text;
  return 0;
}

CollectedErrors collected_errors() {
  CollectedErrors collected;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, collect_error, &collected);
  return collected;
}

}  // namespace

std::string hdf5_error_text() {
  return collected_errors().innermost;
}

void throw_hdf5(const std::string& message, core::SourceLocation where) {
  const auto errors = collected_errors();
  const std::string text =
      errors.innermost.empty() ? message : fmt::format("{} (HDF5: {})", message, errors.innermost);
  if (errors.disk_full) {
    throw core::ResourceError(text + "; free disk space or write elsewhere", where);
  }
  throw core::Hdf5Error(text, where);
}

PropertiesHandle file_access() {
  quiet_hdf5();
  auto properties = PropertiesHandle::adopt(H5Pcreate(H5P_FILE_ACCESS));
  if (!properties || H5Pset_fapl_sec2(properties.get()) < 0 ||
      H5Pset_file_locking(properties.get(), false, true) < 0) {
    throw_hdf5("cannot set up HDF5's file access");
  }
  return properties;
}

std::string normalised_path(const std::string& path) {
  std::string result;
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const auto part = std::string_view(path).substr(begin, end - begin);
    if (!part.empty() && part != ".") result.append("/").append(part);
    begin = end + 1;
  }
  return result.empty() ? "/" : result;
}

std::string parent_path(const std::string& path) {
  const auto slash = path.find_last_of('/');
  return slash == std::string::npos || slash == 0 ? "/" : path.substr(0, slash);
}

std::string hdf5_version() {
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  return fmt::format("{}.{}.{}", major, minor, release);
}

}  // namespace kronwerk::io
