#include "adversary/jobs/result.hpp"

#include <hdf5.h>

namespace kronwerk::adversary {
namespace {

template <typename T>
std::vector<T> read(hid_t file, const std::string& path, hid_t type) {
  std::vector<T> result;
  const hid_t dataset = H5Dopen2(file, path.c_str(), H5P_DEFAULT);
  if (dataset < 0) return result;
  const hid_t space = H5Dget_space(dataset);
  result.resize(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)));
  H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, result.data());
  H5Sclose(space);
  H5Dclose(dataset);
  return result;
}

}  // namespace

Result::Result(const std::string& file) {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  file_ = H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
}

Result::~Result() {
  if (file_ >= 0) H5Fclose(file_);
}

bool Result::has(const std::string& path) const {
  for (std::size_t end = path.find('/', 1); end != std::string::npos;
       end = path.find('/', end + 1)) {
    if (H5Lexists(file_, path.substr(0, end).c_str(), H5P_DEFAULT) <= 0) return false;
  }
  return H5Lexists(file_, path.c_str(), H5P_DEFAULT) > 0;
}

Grid Result::shape(const std::string& path) const {
  const hid_t dataset = H5Dopen2(file_, path.c_str(), H5P_DEFAULT);
  if (dataset < 0) return {};
  const hid_t space = H5Dget_space(dataset);
  std::vector<hsize_t> sizes(32);
  const int rank = H5Sget_simple_extent_dims(space, sizes.data(), nullptr);
  H5Sclose(space);
  H5Dclose(dataset);
  return {sizes.begin(), sizes.begin() + rank};
}

std::vector<double> Result::values(const std::string& path) const {
  return has(path) ? read<double>(file_, path, H5T_NATIVE_DOUBLE) : std::vector<double>();
}

std::vector<std::complex<double>> Result::complex_values(const std::string& path) const {
  const hid_t type = H5Tcreate(H5T_COMPOUND, sizeof(std::complex<double>));
  H5Tinsert(type, "r", 0, H5T_NATIVE_DOUBLE);
  H5Tinsert(type, "i", sizeof(double), H5T_NATIVE_DOUBLE);
  auto result = read<std::complex<double>>(file_, path, type);
  H5Tclose(type);
  return result;
}

std::optional<double> Result::report(const std::string& attribute) const {
  const hid_t handle =
      H5Aopen_by_name(file_, "/report", attribute.c_str(), H5P_DEFAULT, H5P_DEFAULT);
  if (handle < 0) return std::nullopt;
  double value = 0;
  const herr_t status = H5Aread(handle, H5T_NATIVE_DOUBLE, &value);
  H5Aclose(handle);
  return status < 0 ? std::nullopt : std::optional<double>(value);
}

std::string Result::report_text(const std::string& attribute) const {
  const hid_t handle =
      H5Aopen_by_name(file_, "/report", attribute.c_str(), H5P_DEFAULT, H5P_DEFAULT);
  if (handle < 0) return "";
  const hid_t type = H5Aget_type(handle);
  char* raw = nullptr;
  std::string result;
  if (H5Tis_variable_str(type) > 0 && H5Aread(handle, type, static_cast<void*>(&raw)) >= 0) {
    result = raw != nullptr ? raw : "";
    H5free_memory(raw);
  }
  H5Tclose(type);
  H5Aclose(handle);
  return result;
}

}  // namespace kronwerk::adversary
