#pragma once

#include <hdf5.h>

#include <array>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "fuzz/fuzz.hpp"
#include "io/hdf5/element_type.hpp"

namespace kronwerk::fuzz {

/// Writes an HDF5 file from lines of text (hdf5_layout_fuzz.cpp says which); what HDF5 refuses to
/// make is left out.
class LayoutWriter {
 public:
  explicit LayoutWriter(const std::string& file)
      : file_(io::FileHandle::adopt(
            H5Fcreate(file.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, io::file_access().get()))),
        links_(io::PropertiesHandle::adopt(H5Pcreate(H5P_LINK_CREATE))) {
    require(static_cast<bool>(file_), "the scratch file cannot be created");
    H5Pset_create_intermediate_group(links_.get(), 1);
  }

  void add(const std::string& line) {
    std::istringstream words(line);
    std::string what, path;
    words >> what >> path;
    if (path.empty()) return;
    if (what == "dataset") return add_dataset(path, words);
    if (what == "attribute") return add_attribute(path, words);
    if (what == "text") return add_text(path, words);
    if (what == "group") {
      io::GroupHandle::adopt(
          H5Gcreate2(file_.get(), path.c_str(), links_.get(), H5P_DEFAULT, H5P_DEFAULT));
      return;
    }
    std::string target;
    words >> target;
    if (target.empty()) return;
    if (what == "soft") {
      H5Lcreate_soft(target.c_str(), file_.get(), path.c_str(), links_.get(), H5P_DEFAULT);
    } else if (what == "hard") {
      H5Lcreate_hard(file_.get(), target.c_str(), file_.get(), path.c_str(), links_.get(),
                     H5P_DEFAULT);
    } else if (what == "external") {
      H5Lcreate_external(target.c_str(), "/x", file_.get(), path.c_str(), links_.get(),
                         H5P_DEFAULT);
    }
  }

 private:
  static constexpr hsize_t most_written = 4096;

  static io::TypeHandle copy_of(hid_t type) { return io::TypeHandle::adopt(H5Tcopy(type)); }

  static io::TypeHandle number_type(char kind, int bytes, bool big_endian) {
    hid_t type = H5I_INVALID_HID;
    if (kind == 'f') type = bytes == 4 ? H5T_IEEE_F32LE : H5T_IEEE_F64LE;
    if (kind == 'i')
      type = bytes == 1   ? H5T_STD_I8LE
             : bytes == 2 ? H5T_STD_I16LE
             : bytes == 4 ? H5T_STD_I32LE
                          : H5T_STD_I64LE;
    if (kind == 'u') type = bytes == 1 ? H5T_STD_U8LE : bytes == 4 ? H5T_STD_U32LE : H5T_STD_U64LE;
    auto result = copy_of(type);
    if (big_endian) H5Tset_order(result.get(), H5T_ORDER_BE);
    return result;
  }

  static io::TypeHandle type_of(std::string name) {
    const bool big_endian = name.starts_with('>');
    if (big_endian) name.erase(0, 1);
    const int size = name.size() > 1 ? std::atoi(name.c_str() + 1) : 0;
    if (name == "vlen") return io::TypeHandle::adopt(H5Tvlen_create(H5T_NATIVE_DOUBLE));
    if (name == "enum" || name == "bool") return enumeration();
    if (name == "compound") return io::complex_type();
    if (name == "reference") return copy_of(H5T_STD_REF_OBJ);
    if (name == "opaque") return io::TypeHandle::adopt(H5Tcreate(H5T_OPAQUE, 7));
    if (name == "bits") return copy_of(H5T_STD_B32LE);
    if (name == "string") return text_type(H5T_VARIABLE);
    if (name == "array") {
      const hsize_t extent = 3;
      return io::TypeHandle::adopt(H5Tarray_create2(H5T_NATIVE_DOUBLE, 1, &extent));
    }
    if (name.starts_with('s')) return text_type(size > 0 && size < 1000 ? std::size_t(size) : 1U);
    if (name.starts_with('i') || name.starts_with('u')) {
      return number_type(name[0], size, big_endian);
    }
    return number_type('f', size, big_endian);
  }

  static io::TypeHandle text_type(std::size_t size) {
    auto type = copy_of(H5T_C_S1);
    H5Tset_size(type.get(), size);
    return type;
  }

  static io::TypeHandle enumeration() {
    auto type = io::TypeHandle::adopt(H5Tenum_create(H5T_NATIVE_INT8));
    std::int8_t value = 0;
    for (const char* name : {"FALSE", "TRUE"}) {
      H5Tenum_insert(type.get(), name, &value);
      ++value;
    }
    return type;
  }

  /// "3x4", "scalar" or "null".
  static std::vector<hsize_t> extents_of(const std::string& text) {
    std::vector<hsize_t> extents;
    std::istringstream parts(text);
    for (std::string part; std::getline(parts, part, 'x');) {
      extents.push_back(std::strtoull(part.c_str(), nullptr, 10));
    }
    return extents;
  }
  static io::SpaceHandle space_of(const std::string& text, const std::vector<hsize_t>& extents) {
    if (text == "null") return io::SpaceHandle::adopt(H5Screate(H5S_NULL));
    if (text == "scalar") return io::SpaceHandle::adopt(H5Screate(H5S_SCALAR));
    return io::SpaceHandle::adopt(
        H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr));
  }

  static io::PropertiesHandle layout_of(const std::string& layout,
                                        const std::vector<hsize_t>& extents) {
    auto properties = io::PropertiesHandle::adopt(H5Pcreate(H5P_DATASET_CREATE));
    if (layout == "compact") H5Pset_layout(properties.get(), H5D_COMPACT);
    if (layout == "chunk" || layout == "gzip") {
      const std::vector<hsize_t> chunk(extents.size(), 2);
      H5Pset_chunk(properties.get(), static_cast<int>(chunk.size()), chunk.data());
      if (layout == "gzip") H5Pset_deflate(properties.get(), 1);
    }
    return properties;
  }

  static std::vector<double> numbers_of(std::istringstream& words, hsize_t count) {
    std::vector<double> values;
    for (std::string word; values.size() < count && words >> word;) {
      values.push_back(std::strtod(word.c_str(), nullptr));
    }
    values.resize(count, values.empty() ? 0.5 : values.back());
    return values;
  }

  void add_dataset(const std::string& path, std::istringstream& words) {
    std::string type_text, shape, layout;
    words >> type_text >> shape >> layout;
    const auto type = type_of(type_text);
    const auto extents = extents_of(shape);
    const auto space = space_of(shape, extents);
    const auto properties = layout_of(layout, extents);
    const auto dataset =
        io::DatasetHandle::adopt(H5Dcreate2(file_.get(), path.c_str(), type.get(), space.get(),
                                            links_.get(), properties.get(), H5P_DEFAULT));
    if (!dataset) return;
    const auto count = static_cast<hsize_t>(H5Sget_simple_extent_npoints(space.get()));
    if (count == 0 || count > most_written) return;
    const auto values = numbers_of(words, count);
    // Numbers are converted; other types stay as they were created.
    H5Dwrite(dataset.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
  }

  io::ObjectHandle open(const std::string& path) const {
    return io::ObjectHandle::adopt(H5Oopen(file_.get(), path.c_str(), H5P_DEFAULT));
  }

  void add_attribute(const std::string& path, std::istringstream& words) {
    std::string name, type_text, shape;
    words >> name >> type_text >> shape;
    const auto object = open(path);
    const auto type = type_of(type_text);
    const auto space = space_of(shape, extents_of(shape));
    if (!object || !space || name.empty()) return;
    const auto count = static_cast<hsize_t>(H5Sget_simple_extent_npoints(space.get()));
    if (count > most_written) return;
    const auto attribute = io::AttributeHandle::adopt(
        H5Acreate2(object.get(), name.c_str(), type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT));
    if (!attribute || count == 0) return;
    H5Awrite(attribute.get(), H5T_NATIVE_DOUBLE, numbers_of(words, count).data());
  }

  void add_text(const std::string& path, std::istringstream& words) {
    std::string name, value;
    words >> name >> value;
    const auto object = open(path);
    if (!object || name.empty() || value.empty()) return;
    const auto type = text_type(value.size());
    const auto space = io::SpaceHandle::adopt(H5Screate(H5S_SCALAR));
    const auto attribute = io::AttributeHandle::adopt(
        H5Acreate2(object.get(), name.c_str(), type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT));
    if (attribute) H5Awrite(attribute.get(), type.get(), value.data());
  }

  io::FileHandle file_;
  io::PropertiesHandle links_;
};

inline void write_layout(const std::string& file, const std::string& text) {
  LayoutWriter writer(file);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) writer.add(line);
}

}  // namespace kronwerk::fuzz
