// The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#include "io/arrays/npy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstdint>
#include <cstring>

#include "kronwerk/core/error.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::io {
namespace {

using core::Index;

static_assert(std::endian::native == std::endian::little);

constexpr std::size_t most_dimensions = 32;
constexpr std::size_t longest_text = 1 << 16;

template <typename Number>
double number_at(const char* bytes, bool swapped) {
  std::array<char, sizeof(Number)> copy;
  std::memcpy(copy.data(), bytes, sizeof(Number));
  if (swapped) std::ranges::reverse(copy);
  Number number;
  std::memcpy(&number, copy.data(), sizeof(Number));
  return static_cast<double>(number);
}

using NumberReader = double (*)(const char*, bool);

/// Null for what is no number of these.
NumberReader reader_of(char kind, std::size_t width) {
  if (kind == 'b' && width == 1) return number_at<std::uint8_t>;
  if (kind == 'f') return width == 8 ? number_at<double> : width == 4 ? number_at<float> : nullptr;
  const bool is_signed = kind == 'i';
  if (!is_signed && kind != 'u') return nullptr;
  switch (width) {
    case 1:
      return is_signed ? number_at<std::int8_t> : number_at<std::uint8_t>;
    case 2:
      return is_signed ? number_at<std::int16_t> : number_at<std::uint16_t>;
    case 4:
      return is_signed ? number_at<std::int32_t> : number_at<std::uint32_t>;
    case 8:
      return is_signed ? number_at<std::int64_t> : number_at<std::uint64_t>;
    default:
      return nullptr;
  }
}

/// What stands behind 'key': in a dictionary of Python's; empty if it is not there.
std::string_view value_of(std::string_view header, std::string_view key) {
  const auto at = header.find(fmt::format("'{}':", key));
  if (at == std::string_view::npos) return {};
  auto value = header.substr(at + key.size() + 3);
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  return value;
}

void append_utf8(std::string& text, std::uint32_t letter) {
  const auto add = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  if (letter < 0x80) return add(letter);
  if (letter < 0x800) {
    add(0xC0 | letter >> 6);
  } else {
    if (letter < 0x10000) {
      add(0xE0 | letter >> 12);
    } else {
      add(0xF0 | (letter >> 18 & 0x7));
      add(0x80 | (letter >> 12 & 0x3F));
    }
    add(0x80 | (letter >> 6 & 0x3F));
  }
  add(0x80 | (letter & 0x3F));
}

}  // namespace

NpyArray::NpyArray(std::string_view bytes, std::string name) : name_(std::move(name)) {
  const bool short_header = bytes.size() > 6 && bytes[6] == 1;
  const std::size_t begin = short_header ? 10 : 12;
  if (!bytes.starts_with("\x93NUMPY") || bytes.size() < begin) {
    throw core::DataError(fmt::format("{}: is no array of NumPy's (.npy)", name_));
  }
  const auto length =
      static_cast<std::size_t>(short_header ? number_at<std::uint16_t>(bytes.data() + 8, false)
                                            : number_at<std::uint32_t>(bytes.data() + 8, false));
  if (length > bytes.size() - begin) {
    throw core::DataError(fmt::format("{}: ends within its header", name_));
  }
  read_header(bytes.substr(begin, length));
  data_ = bytes.substr(begin + length);
  Index expected = static_cast<Index>(width_);
  for (const Index extent : shape_) expected = core::multiply(expected, extent);
  if (std::ssize(data_) < expected) {
    throw core::DataError(fmt::format("{}: has {} bytes of data; shape ({}) needs {}", name_,
                                      data_.size(), core::to_text(shape_), expected));
  }
}

void NpyArray::read_header(std::string_view header) {
  const auto fail = [&](const std::string& what) {
    throw core::DataError(fmt::format("{}: {}", name_, what));
  };
  auto type = value_of(header, "descr");
  const auto end = type.find('\'', 1);
  if (!type.starts_with('\'') || end == std::string_view::npos || end < 4) {
    fail("its elements are records; store each column as an array of its own");
  }
  type = type.substr(1, end - 1);
  swapped_ = type[0] == '>';
  kind_ = type[1];
  const auto digits = type.substr(2);
  if (std::from_chars(digits.data(), digits.data() + digits.size(), width_).ec != std::errc{}) {
    width_ = 0;
  }
  if (kind_ == 'U') {
    std::size_t letters = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), letters);
    width_ = letters > longest_text ? longest_text + 1 : 4 * letters;
  }
  const bool text = is_text() && width_ > 0 && width_ <= longest_text;
  if (!text && reader_of(kind_, width_) == nullptr) {
    fail(
        fmt::format("its elements are '{}'; expected numbers of at most 8 bytes, truth values or "
                    "texts (numpy: .astype(float))",
                    type));
  }
  fortran_ = value_of(header, "fortran_order").starts_with("True");
  auto shape = value_of(header, "shape");
  if (!shape.starts_with('(')) fail("its header has no shape");
  shape = shape.substr(1, shape.find(')') - 1);
  while (!shape.empty()) {
    shape.remove_prefix(std::min(shape.find_first_not_of(", "), shape.size()));
    if (shape.empty()) break;
    Index extent = -1;
    const auto parsed = std::from_chars(shape.data(), shape.data() + shape.size(), extent);
    if (parsed.ec != std::errc{} || extent < 0 || shape_.size() == most_dimensions) {
      fail(fmt::format("its shape ({} …) cannot be read", core::to_text(shape_)));
    }
    shape_.push_back(extent);
    shape.remove_prefix(static_cast<std::size_t>(parsed.ptr - shape.data()));
  }
}

// Of Fortran's order, where the first index changes fastest.
Index NpyArray::place_of(Index element) const {
  if (!fortran_ || shape_.size() < 2) return element;
  Index place = 0;
  Index stride = size();
  for (std::size_t k = shape_.size(); k-- > 0;) {
    stride /= shape_[k];
    place += element % shape_[k] * stride;
    element /= shape_[k];
  }
  return place;
}

void NpyArray::read(Index first, std::span<double> values) const {
  const NumberReader number = reader_of(kind_, width_);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = number(element(place_of(first + static_cast<Index>(i))), swapped_);
  }
}

std::vector<std::string> NpyArray::texts() const {
  std::vector<std::string> result;
  for (Index i = 0; i < size(); ++i) {
    const char* const bytes = element(place_of(i));
    std::string text;
    for (std::size_t at = 0; at < width_; at += kind_ == 'U' ? 4 : 1) {
      const auto letter =
          kind_ == 'U' ? static_cast<std::uint32_t>(number_at<std::uint32_t>(bytes + at, swapped_))
                       : static_cast<unsigned char>(bytes[at]);
      if (letter == 0) break;  // texts are filled up with zeros
      if (kind_ == 'U') {
        append_utf8(text, letter);
      } else {
        text += bytes[at];
      }
    }
    if (core::find_non_utf8(text) != std::string_view::npos) {
      throw core::DataError(fmt::format("{}: the text at position {} is not UTF-8", name_, i));
    }
    result.push_back(std::move(text));
  }
  return result;
}

}  // namespace kronwerk::io
