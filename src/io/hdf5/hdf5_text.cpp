// Declared in io/hdf5/hdf5_input.hpp.
// Strings and attributes: fixed and variable length look alike to the callers.
#include <fmt/format.h>

#include "io/hdf5/element_type.hpp"
#include "io/hdf5/hdf5_input.hpp"

namespace kronwerk::io {

namespace {

// What is longer is no id and no label; declared lengths go up to 4 GiB.
constexpr std::size_t longest_string = std::size_t{1} << 16;
// Of an attribute: the configuration of a result is one.
constexpr std::size_t longest_attribute = std::size_t{64} << 20;

// A memory type in UTF-8 or ASCII as the file has it; HDF5 does not convert between the two.
TypeHandle memory_string(hid_t file_type, std::size_t length) {
  auto type = TypeHandle::adopt(H5Tcopy(H5T_C_S1));
  H5Tset_size(type.get(), length);
  H5Tset_cset(type.get(), H5Tget_cset(file_type));
  if (length != H5T_VARIABLE) H5Tset_strpad(type.get(), H5T_STR_NULLPAD);
  return type;
}

std::string trimmed(const char* text, std::size_t length, H5T_str_t padding) {
  std::string result(text, length);
  if (const auto end = result.find('\0'); end != std::string::npos) result.resize(end);
  if (padding == H5T_STR_SPACEPAD) {
    while (!result.empty() && result.back() == ' ') result.pop_back();
  }
  return result;
}

std::vector<std::string> fixed_strings(const DatasetHandle& dataset, hid_t type,
                                       const Location& location, std::size_t count) {
  const std::size_t length = H5Tget_size(type);
  if (length > longest_string) {
    throw core::DataError(fmt::format("{}: holds strings of {} bytes; at most {} are supported",
                                      name_of(location), length, longest_string));
  }
  std::vector<char> buffer(static_cast<std::size_t>(
      core::multiply(core::narrow<core::Index>(count), core::narrow<core::Index>(length))));
  const auto memory = memory_string(type, length);
  if (count > 0 &&
      H5Dread(dataset.get(), memory.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, buffer.data()) < 0) {
    throw core::DataError(
        fmt::format("{}: cannot be read ({})", name_of(location), hdf5_error_text()));
  }
  std::vector<std::string> strings;
  strings.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    strings.push_back(trimmed(buffer.data() + i * length, length, H5Tget_strpad(type)));
  }
  return strings;
}

std::vector<std::string> variable_strings(const DatasetHandle& dataset, hid_t type,
                                          const Location& location, std::size_t count) {
  std::vector<char*> pointers(count, nullptr);
  const auto memory = memory_string(type, H5T_VARIABLE);
  if (count > 0 &&
      H5Dread(dataset.get(), memory.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()) < 0) {
    throw core::DataError(
        fmt::format("{}: cannot be read ({})", name_of(location), hdf5_error_text()));
  }
  std::vector<std::string> strings;
  strings.reserve(count);
  for (char* pointer : pointers) {
    strings.emplace_back(pointer != nullptr ? pointer : "");
    H5free_memory(pointer);
  }
  return strings;
}

}  // namespace

std::vector<std::string> read_all_strings(const FileHandle& file, const Location& location) {
  const auto dataset = open_dataset(file, location);
  const auto type = TypeHandle::adopt(H5Dget_type(dataset.get()));
  const auto shape = shape_of(dataset.get());
  if (H5Tget_class(type.get()) != H5T_STRING) {
    throw core::DataError(
        fmt::format("{}: holds {}; expected strings", name_of(location), type_name(type.get())));
  }
  if (shape.size() > 1) {
    throw core::DataError(fmt::format("{}: has shape ({}); expected a list of strings (1-D)",
                                      name_of(location), core::to_text(shape)));
  }
  const auto count = static_cast<std::size_t>(core::product(shape));
  return H5Tis_variable_str(type.get()) > 0 ? variable_strings(dataset, type.get(), location, count)
                                            : fixed_strings(dataset, type.get(), location, count);
}

std::optional<std::string> string_attribute(hid_t object, const std::string& name) {
  if (H5Aexists(object, name.c_str()) <= 0) return std::nullopt;
  const auto attribute = AttributeHandle::adopt(H5Aopen(object, name.c_str(), H5P_DEFAULT));
  const auto type = TypeHandle::adopt(H5Aget_type(attribute.get()));
  const auto space = SpaceHandle::adopt(H5Aget_space(attribute.get()));
  if (H5Tget_class(type.get()) != H5T_STRING || H5Sget_simple_extent_npoints(space.get()) != 1) {
    return std::nullopt;
  }
  if (H5Tis_variable_str(type.get()) > 0) {
    char* pointer = nullptr;
    const auto memory = memory_string(type.get(), H5T_VARIABLE);
    if (H5Aread(attribute.get(), memory.get(), &pointer) < 0) return std::nullopt;
    std::string text = pointer != nullptr ? pointer : "";
    H5free_memory(pointer);
    return text;
  }
  const std::size_t length = H5Tget_size(type.get());
  if (length > longest_attribute) return std::nullopt;
  std::vector<char> buffer(length);
  const auto memory = memory_string(type.get(), length);
  if (H5Aread(attribute.get(), memory.get(), buffer.data()) < 0) return std::nullopt;
  return trimmed(buffer.data(), length, H5Tget_strpad(type.get()));
}

std::optional<std::vector<core::Index>> index_attribute(hid_t object, const std::string& name) {
  if (H5Aexists(object, name.c_str()) <= 0) return std::nullopt;
  const auto attribute = AttributeHandle::adopt(H5Aopen(object, name.c_str(), H5P_DEFAULT));
  const auto type = TypeHandle::adopt(H5Aget_type(attribute.get()));
  const auto space = SpaceHandle::adopt(H5Aget_space(attribute.get()));
  if (H5Tget_class(type.get()) != H5T_INTEGER) return std::nullopt;
  const auto count = H5Sget_simple_extent_npoints(space.get());
  std::vector<core::Index> values(static_cast<std::size_t>(std::max<hssize_t>(count, 0)));
  if (values.empty() || H5Aread(attribute.get(), H5T_NATIVE_INT64, values.data()) < 0) {
    return std::nullopt;
  }
  return values;
}

}  // namespace kronwerk::io
