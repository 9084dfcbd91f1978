#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::io {

/// An array as NumPy stores it (format .npy, versions 1 to 3), in the bytes that it was made of.
class NpyArray {
 public:
  /// @param bytes  outlive this
  /// @param name   of the file or its member, for messages
  /// @throws DataError if this is no such array, is cut off, or holds objects
  NpyArray(std::string_view bytes, std::string name);

  const core::Extents& shape() const noexcept { return shape_; }
  core::Index size() const { return core::product(shape_); }
  /// Whether its elements are texts; else they are numbers or truth values.
  bool is_text() const noexcept { return kind_ == 'S' || kind_ == 'U'; }
  /// Elements [first, first + values.size()) in row-major order. Of an array in Fortran's order,
  /// each takes its own step through memory.
  void read(core::Index first, std::span<double> values) const;
  /// All texts, as UTF-8.
  std::vector<std::string> texts() const;

 private:
  void read_header(std::string_view header);
  core::Index place_of(core::Index element) const;
  const char* element(core::Index place) const {
    return data_.data() + place * static_cast<core::Index>(width_);
  }

  std::string name_;
  std::string_view data_;
  core::Extents shape_;
  char kind_ = 0;          ///< f, i, u, b, S or U
  std::size_t width_ = 0;  ///< bytes of an element
  bool swapped_ = false;   ///< the other order of bytes
  bool fortran_ = false;
};

}  // namespace kronwerk::io
