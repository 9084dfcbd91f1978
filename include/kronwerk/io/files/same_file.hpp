#pragma once

#include <string>

namespace kronwerk::io {

/// Whether two names lead to one file or directory that exists, by device and inode: symbolic and
/// hard links and folders named in different ways are seen through. Serial.
bool same_file(const std::string& first, const std::string& second);

}  // namespace kronwerk::io
