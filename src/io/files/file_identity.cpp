#include "kronwerk/io/files/file_identity.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "io/files/file_descriptor.hpp"
#include "kronwerk/core/digest.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::io {
namespace {

constexpr std::int64_t piece_bytes = std::int64_t{1} << 16;
constexpr std::int64_t pieces = 64;

}  // namespace

FileIdentity glance_at(const std::string& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) {
    throw core::DataError(fmt::format("{}: cannot be read ({})", file, std::strerror(errno)));
  }
  constexpr std::int64_t nanoseconds = 1'000'000'000;
  return {file, status.st_size, status.st_mtim.tv_sec * nanoseconds + status.st_mtim.tv_nsec, 0};
}

FileIdentity identify(const std::string& file) {
  FileIdentity identity = glance_at(file);
  const auto descriptor = FileDescriptor::open(file, O_RDONLY);
  const bool whole = identity.bytes <= pieces * piece_bytes;
  std::string piece;
  for (std::int64_t number = 0; number < pieces; ++number) {
    // The first is at the beginning and the last at the end.
    const std::int64_t begin =
        whole ? number * piece_bytes : (identity.bytes - piece_bytes) / (pieces - 1) * number;
    const std::int64_t offset = whole || number + 1 < pieces ? begin : identity.bytes - piece_bytes;
    if (offset >= identity.bytes) break;
    const std::int64_t count = std::min(piece_bytes, identity.bytes - offset);
    piece.resize(static_cast<std::size_t>(count));
    read_at(descriptor, file, offset, piece.data(), count);
    identity.content = core::digest(piece, identity.content);
  }
  if (whole) identity.written = 0;
  return identity;
}

}  // namespace kronwerk::io
