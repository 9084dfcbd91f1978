#include "io/hdf5/element_type.hpp"

#include <fmt/format.h>

#include <array>
#include <complex>
#include <cstdint>
#include <cstring>

namespace kronwerk::io {

bool is_boolean(hid_t type) {
  if (H5Tget_class(type) != H5T_ENUM || H5Tget_nmembers(type) != 2) return false;
  // Both numbers whatever the order of the names.
  const auto named = [&](const char* name, int expected) {
    std::array<unsigned char, sizeof(std::int64_t)> value{};
    if (H5Tget_size(type) > value.size() || H5Tenum_valueof(type, name, value.data()) < 0) {
      return false;
    }
    const auto base = TypeHandle::adopt(H5Tget_super(type));
    if (H5Tconvert(base.get(), H5T_NATIVE_INT, 1, value.data(), nullptr, H5P_DEFAULT) < 0) {
      return false;
    }
    int number = 0;
    std::memcpy(&number, value.data(), sizeof(number));
    return number == expected;
  };
  return named("FALSE", 0) && named("TRUE", 1);
}

TypeHandle complex_type() {
  auto type = TypeHandle::adopt(H5Tcreate(H5T_COMPOUND, sizeof(std::complex<double>)));
  H5Tinsert(type.get(), "r", 0, H5T_NATIVE_DOUBLE);
  H5Tinsert(type.get(), "i", sizeof(double), H5T_NATIVE_DOUBLE);
  return type;
}

bool is_complex(hid_t type) {
  if (H5Tget_class(type) != H5T_COMPOUND || H5Tget_nmembers(type) != 2) return false;
  return H5Tget_member_index(type, "r") >= 0 && H5Tget_member_index(type, "i") >= 0 &&
         H5Tget_member_class(type, 0) == H5T_FLOAT && H5Tget_member_class(type, 1) == H5T_FLOAT;
}

bool holds_numbers(hid_t type) {
  const auto kind = H5Tget_class(type);
  return kind == H5T_FLOAT || kind == H5T_INTEGER || is_boolean(type);
}

std::string type_name(hid_t type) {
  const auto bits = 8 * H5Tget_size(type);
  switch (H5Tget_class(type)) {
    case H5T_FLOAT:
      return fmt::format("float{}", bits);
    case H5T_INTEGER:
      return fmt::format("{}int{}", H5Tget_sign(type) == H5T_SGN_NONE ? "u" : "", bits);
    case H5T_STRING:
      return "string";
    case H5T_ENUM:
      return is_boolean(type) ? "bool" : "enum";
    case H5T_COMPOUND:
      return is_complex(type) ? fmt::format("complex{}", bits) : "compound";
    case H5T_ARRAY:
      return "array";
    case H5T_VLEN:
      return "variable-length";
    case H5T_REFERENCE:
      return "reference";
    default:
      return "other";
  }
}

}  // namespace kronwerk::io
