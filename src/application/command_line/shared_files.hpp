#pragma once

#include <string>

namespace kronwerk::application {

/// A file or folder that comes with the program.
struct SharedFile {
  std::string found;      ///< "" if it is not there
  std::string installed;  ///< where it is when the program is installed
};

/// Looks for share/kronwerk/`installed` beside the program's folder, and for `source` in the
/// sources that the program was built in. Local.
SharedFile find_shared(const std::string& installed, const std::string& source);

}  // namespace kronwerk::application
