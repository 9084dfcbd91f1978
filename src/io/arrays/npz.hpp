#pragma once

#include <map>
#include <string>
#include <string_view>

namespace kronwerk::io {

/// Whether these bytes begin as those of a zip file do.
bool is_zip(std::string_view bytes);

/// The members of a zip file as NumPy's savez and savez_compressed write it, by their names without
/// ".npy". @throws DataError, naming `file`, if it is broken or packed in another way
std::map<std::string, std::string> unpack_zip(std::string_view bytes, const std::string& file);

}  // namespace kronwerk::io
