#pragma once

#include <string>

namespace kronwerk::io {

/// Replaces a small file at once: whatever happens, a crash of the node included, it then has all
/// of `text` or what it had before. Written under another name first, which begins with the file's.
/// Serial. @throws ResourceError on a full disk, Hdf5Error for another failure to write
void write_whole(const std::string& file, const std::string& text);

/// All of a file; empty if it cannot be read. Serial.
std::string read_whole(const std::string& file);

}  // namespace kronwerk::io
