#pragma once

#include <cstdint>
#include <string>

namespace kronwerk::io {

/// What a file was when it was looked at, to notice later that it has changed.
struct FileIdentity {
  std::string file;
  std::int64_t bytes = 0;
  /// When it was last written, in ns since 1970; 0 where `content` is of all its bytes.
  std::int64_t written = 0;
  /// Digest of all its bytes up to 4 MB, else of pieces everywhere in it.
  std::uint64_t content = 0;

  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

/// Reads 4 MB at most. Serial. @throws DataError if the file cannot be read
FileIdentity identify(const std::string& file);
/// The same without `content`, from metadata alone; `written` is always set.
FileIdentity glance_at(const std::string& file);

}  // namespace kronwerk::io
