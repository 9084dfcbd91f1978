#include "io/text/unpack.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <limits>

#include "kronwerk/core/error.hpp"
#include "kronwerk/core/interruption.hpp"
#include "kronwerk/core/progress.hpp"

namespace kronwerk::io {
namespace {

// Of windowBits in zlib's manual.
constexpr int gzip_format = 15 + 16;
constexpr int no_header = -15;
constexpr std::size_t chunk = std::size_t{1} << 20;

/// One stream of zlib's, from its beginning to its end.
class Inflation {
 public:
  Inflation(std::string_view packed, int format, const std::string& file)
      : packed_(packed), file_(file) {
    if (inflateInit2(&stream_, format) != Z_OK) fail();
  }
  Inflation(const Inflation&) = delete;
  Inflation& operator=(const Inflation&) = delete;
  ~Inflation() { inflateEnd(&stream_); }

  /// Appends what the stream that begins at `position` holds. @returns where it ends
  std::size_t append(std::size_t position, std::string& text) {
    inflateReset(&stream_);
    for (int status = Z_OK; status != Z_STREAM_END;) {
      core::check_interruption();
      core::report_progress("bytes", static_cast<core::Index>(position),
                            static_cast<core::Index>(packed_.size()));
      const auto rest = std::min(packed_.size() - position, chunk);
      const auto before = text.size();
      text.resize(before + chunk);
      // zlib does not write to its input, but has no const.
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed_.data() + position));
      stream_.avail_in = static_cast<uInt>(rest);
      stream_.next_out = reinterpret_cast<Bytef*>(text.data() + before);
      stream_.avail_out = static_cast<uInt>(chunk);
      status = inflate(&stream_, Z_NO_FLUSH);
      position += rest - stream_.avail_in;
      text.resize(before + chunk - stream_.avail_out);
      if (status == Z_MEM_ERROR) throw core::ResourceError(file_ + ": no memory to unpack it");
      if (status != Z_OK && status != Z_STREAM_END) fail();
    }
    return position;
  }

  [[noreturn]] void fail() const {
    throw core::DataError(fmt::format("{}: cannot be unpacked ({}); copy or download it again",
                                      file_,
                                      stream_.msg != nullptr ? stream_.msg : "it ends too early"));
  }

 private:
  z_stream stream_{};
  std::string_view packed_;
  const std::string& file_;
};

}  // namespace

bool is_gzip(std::string_view bytes) {
  return bytes.starts_with("\x1f\x8b\x08");
}

std::string unpack_gzip(std::string_view bytes, const std::string& file) {
  std::string text;
  Inflation inflation(bytes, gzip_format, file);
  for (std::size_t position = 0; is_gzip(bytes.substr(position));) {
    position = inflation.append(position, text);
  }
  return text;
}

std::string unpack_deflated(std::string_view bytes, std::size_t size, const std::string& file) {
  std::string text;
  Inflation inflation(bytes, no_header, file);
  inflation.append(0, text);
  if (text.size() != size) {
    throw core::DataError(fmt::format("{}: a part of it has {} bytes when unpacked; expected {}",
                                      file, text.size(), size));
  }
  return text;
}

}  // namespace kronwerk::io
