#pragma once

#include <string>
#include <string_view>

namespace kronwerk::io {

/// Whether these bytes begin as those of a gzip file do.
bool is_gzip(std::string_view bytes);

/// What a gzip file holds, all its members. @throws DataError, naming `file`, if it is broken
std::string unpack_gzip(std::string_view bytes, const std::string& file);

/// What a deflated member of a zip file holds. @throws DataError, naming `file`, if it is broken or
/// does not become `size` bytes
std::string unpack_deflated(std::string_view bytes, std::size_t size, const std::string& file);

}  // namespace kronwerk::io
