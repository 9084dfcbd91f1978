// Ways out of a file: external links, external storage and virtual datasets. A data file from
// elsewhere could have any file of this machine read as numbers by them.
#include "io/hdf5/external.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <vector>

#include "io/hdf5/hdf5_input.hpp"

namespace kronwerk::io {

namespace {

namespace fs = std::filesystem;

constexpr const char* permission =
    "allow that by 'data: {external: true}' if you trust the file, or copy the values into it";

// Called before an external link is followed; negative: it is not.
herr_t refuse_link(const char* /*parent_file*/, const char* /*parent_group*/, const char* file,
                   const char* path, unsigned* /*flags*/, hid_t /*access*/, void* data) {
  *static_cast<std::string*>(data) = fmt::format("{}:{}", file, path);
  return -1;
}

std::string name_in(std::size_t (*fill)(void* context, char* buffer, std::size_t size),
                    void* context) {
  std::vector<char> buffer(fill(context, nullptr, 0) + 1);
  fill(context, buffer.data(), buffer.size());
  return buffer.data();
}

struct Mapping {
  hid_t properties;
  std::size_t index;
};

std::size_t mapped_file(void* context, char* buffer, std::size_t size) {
  const auto& mapping = *static_cast<Mapping*>(context);
  return static_cast<std::size_t>(std::max<ssize_t>(
      0, H5Pget_virtual_filename(mapping.properties, mapping.index, buffer, size)));
}

std::size_t mapped_dataset(void* context, char* buffer, std::size_t size) {
  const auto& mapping = *static_cast<Mapping*>(context);
  return static_cast<std::size_t>(std::max<ssize_t>(
      0, H5Pget_virtual_dsetname(mapping.properties, mapping.index, buffer, size)));
}

std::vector<Location> sources_of(hid_t properties) {
  std::size_t count = 0;
  H5Pget_virtual_count(properties, &count);
  std::vector<Location> sources;
  for (std::size_t i = 0; i < count; ++i) {
    Mapping mapping{properties, i};
    sources.push_back({name_in(mapped_file, &mapping), name_in(mapped_dataset, &mapping), true});
  }
  return sources;
}

/// A file of external storage and the bytes that the dataset takes from it.
struct RawFile {
  std::string name;
  off_t offset = 0;
  hsize_t bytes = 0;
};

std::vector<RawFile> raw_files(hid_t properties) {
  std::vector<RawFile> files;
  const int count = std::max(0, H5Pget_external_count(properties));
  for (int i = 0; i < count; ++i) {
    std::array<char, 4096> name{};
    RawFile file;
    H5Pget_external(properties, static_cast<unsigned>(i), name.size() - 1, name.data(),
                    &file.offset, &file.bytes);
    file.name = name.data();
    files.push_back(std::move(file));
  }
  return files;
}

// HDF5 takes what is missing in such a file for zeros.
void check_raw_files(hid_t properties, hsize_t bytes, const Location& location) {
  for (const auto& file : raw_files(properties)) {
    struct stat status {};
    if (::stat(file.name.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
      throw core::DataError(fmt::format(
          "{}: its values are in {}, which is no file here (external storage is looked for from "
          "the directory that the job was started in)",
          name_of(location), file.name));
    }
    const hsize_t needed = std::min(bytes, file.bytes);
    bytes -= needed;
    if (static_cast<hsize_t>(status.st_size) >= static_cast<hsize_t>(file.offset) + needed) {
      continue;
    }
    throw core::DataError(fmt::format("{}: its values are in {}, which has {} bytes; {} are needed",
                                      name_of(location), file.name, status.st_size,
                                      static_cast<hsize_t>(file.offset) + needed));
  }
}

/// Follows virtual datasets to their sources; each dataset on the way is known by file and address.
class SourceCheck {
 public:
  explicit SourceCheck(const Location& first) : first_(first) {}

  void visit(hid_t dataset, const Location& location) {
    const auto properties = PropertiesHandle::adopt(H5Dget_create_plist(dataset));
    if (H5Pget_layout(properties.get()) != H5D_VIRTUAL) {
      if (H5Pget_external_count(properties.get()) > 0) {
        check_raw_files(properties.get(), bytes_of(dataset), location);
      }
      return;
    }
    H5O_info_t info{};
    H5Oget_info2(dataset, &info, H5O_INFO_BASIC);
    const std::pair<unsigned long, haddr_t> self{info.fileno, info.addr};
    if (std::find(way_.begin(), way_.end(), self) != way_.end()) {
      throw core::DataError(
          fmt::format("{}: is a virtual dataset that is its own source", name_of(first_)));
    }
    way_.push_back(self);
    for (const auto& source : sources_of(properties.get())) visit_source(source, location);
    way_.pop_back();
  }

 private:
  // Never of a virtual dataset, whose extent HDF5 finds by opening its sources.
  static hsize_t bytes_of(hid_t dataset) {
    const auto type = TypeHandle::adopt(H5Dget_type(dataset));
    return static_cast<hsize_t>(core::multiply(core::product(shape_of(dataset)),
                                               static_cast<core::Index>(H5Tget_size(type.get()))));
  }

  void visit_source(const Location& source, const Location& parent) {
    if (source.file.find('%') != std::string::npos ||
        source.dataset.find('%') != std::string::npos) {
      throw core::DataError(fmt::format(
          "{}: takes its values from a pattern of names, {}; only named sources can be checked",
          name_of(parent), name_of(source)));
    }
    const Location found{file_of(source.file, parent.file), source.dataset, true};
    // HDF5 takes the values of a source that is missing for zeros.
    const auto file = open_input(found.file);
    const LinkAccess links(found);
    const auto dataset = DatasetHandle::adopt(
        H5Dopen2(file.get(), normalised_path(found.dataset).c_str(), links.get()));
    if (!dataset) {
      throw core::DataError(fmt::format("{}: its source {} cannot be opened ({})", name_of(parent),
                                        name_of(found), hdf5_error_text()));
    }
    visit(dataset.get(), found);
  }

  // Where HDF5 looks: beside the virtual dataset, then where the job was started.
  static std::string file_of(const std::string& source, const std::string& parent) {
    if (source == ".") return parent;
    const auto beside = fs::path(parent).parent_path() / source;
    std::error_code ignored;
    return fs::exists(beside, ignored) ? beside.string() : source;
  }

  const Location& first_;
  std::vector<std::pair<unsigned long, haddr_t>> way_;
};

}  // namespace

LinkAccess::LinkAccess(const Location& location)
    : location_(location), properties_(PropertiesHandle::adopt(H5Pcreate(H5P_DATASET_ACCESS))) {
  if (!location.external) H5Pset_elink_cb(properties_.get(), refuse_link, &met_);
}

void LinkAccess::check() const {
  if (met_.empty()) return;
  throw core::DataError(
      fmt::format("{}: is behind an external link to {}, which is not followed; {}",
                  name_of(location_), met_, permission));
}

void check_storage(hid_t dataset, const Location& location) {
  if (!location.external) {
    const auto where = storage_text(dataset);
    if (where.empty()) return;
    throw core::DataError(fmt::format("{}: its values are not in this file ({}); {}",
                                      name_of(location), where, permission));
  }
  SourceCheck(location).visit(dataset, location);
}

std::string storage_text(hid_t dataset) {
  const auto properties = PropertiesHandle::adopt(H5Dget_create_plist(dataset));
  if (H5Pget_layout(properties.get()) == H5D_VIRTUAL) {
    const auto sources = sources_of(properties.get());
    return fmt::format("virtual, from {} {}{}", sources.size(),
                       sources.size() == 1 ? "source" : "sources",
                       sources.empty() ? "" : ", first " + name_of(sources.front()));
  }
  const auto files = raw_files(properties.get());
  return files.empty() ? "" : "stored outside, in " + files.front().name;
}

}  // namespace kronwerk::io
