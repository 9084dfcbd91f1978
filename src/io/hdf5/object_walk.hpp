#pragma once

#include <string>
#include <vector>

#include "io/hdf5/hdf5_handle.hpp"

namespace kronwerk::io {

struct FileObject {
  std::string path;
  bool dataset = false;  ///< else a group
};

struct ExternalLink {
  std::string path;
  std::string target;  ///< "FILE:/path" of where it leads
};

struct FileContent {
  /// The root first, then in the order of the names; each once, whatever its number of hard links.
  std::vector<FileObject> objects;
  std::vector<ExternalLink> external_links;
  std::string left_out;  ///< what is not listed, and why; "" if nothing
};

/// What a file holds. No link out of it is followed. Ends 64 groups deep and at 20 000 objects,
/// since HDF5's own walk goes down as far as groups are nested until the stack is full. Serial.
FileContent walk_objects(const FileHandle& file);

}  // namespace kronwerk::io
