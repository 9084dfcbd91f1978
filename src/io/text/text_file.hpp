#pragma once

#include <string>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::io {

/// All bytes of a file. @throws DataError if it cannot be read, or is a folder, a pipe or a device
std::string read_bytes(const std::string& file);

/// The whole of a text file, unpacked if it is gzip'd, without a byte-order mark.
/// @throws DataError if it cannot be read or is not UTF-8 (with the line)
std::string read_text(const std::string& file);

/// "file:line: what", as DataError.
[[noreturn]] void throw_at(const std::string& file, core::Index line, const std::string& what);

}  // namespace kronwerk::io
