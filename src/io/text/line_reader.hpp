#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "io/text/csv.hpp"
#include "kronwerk/core/interruption.hpp"

namespace kronwerk::io {

/// The lines of a text file one after the other, with their numbers.
class LineReader {
 public:
  explicit LineReader(const std::string& file) : file_(file), text_(read_text(file)) {}

  const std::string& file() const noexcept { return file_; }
  /// Number of the line that next() gave last, from 1 on.
  core::Index line() const noexcept { return line_; }
  bool at_end() const noexcept { return position_ >= text_.size(); }
  /// Of what next() has not given.
  core::Index bytes_left() const noexcept {
    return static_cast<core::Index>(text_.size() - std::min(position_, text_.size()));
  }
  std::string_view peek() const {
    const auto rest = std::string_view(text_).substr(std::min(position_, text_.size()));
    return rest.substr(0, rest.find('\n'));
  }
  std::string_view next() {
    core::check_interruption();
    const auto result = peek();
    position_ += result.size() + 1;
    ++line_;
    return result;
  }
  [[noreturn]] void fail(const std::string& what) const { throw_at(file_, line_, what); }

 private:
  std::string file_;
  std::string text_;
  std::size_t position_ = 0;
  core::Index line_ = 0;
};

}  // namespace kronwerk::io
