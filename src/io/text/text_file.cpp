#include "io/text/text_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "io/files/file_descriptor.hpp"
#include "io/text/unpack.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/io/files/suggest_file.hpp"

namespace kronwerk::io {
namespace {

void require_utf8(const std::string& file, std::string_view text) {
  const auto line_at = [&](std::size_t position) {
    return 1 + std::count(text.begin(), text.begin() + position, '\n');
  };
  // An id would end there when it is stored.
  const auto zero = text.find('\0');
  if (zero != std::string_view::npos)
    throw_at(file, line_at(zero), "holds a byte 0; expected text");
  const auto wrong = core::find_non_utf8(text);
  if (wrong != std::string_view::npos) {
    throw_at(file, line_at(wrong), "is not UTF-8 text; convert the file (for example by iconv)");
  }
}

}  // namespace

void throw_at(const std::string& file, core::Index line, const std::string& what) {
  throw core::DataError(fmt::format("{}:{}: {}", file, line, what));
}

std::string read_bytes(const std::string& file) {
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (std::filesystem::is_directory(status)) {
    throw core::DataError(fmt::format("{}: is a directory; expected a file", file));
  }
  if (is_pipe_or_device(status)) {
    throw core::DataError(
        fmt::format("{}: is a pipe or a device; expected a file: write its contents to one", file));
  }
  if (status.type() == std::filesystem::file_type::not_found) {
    throw core::DataError(fmt::format("{}: the file does not exist{}", file, suggest_file(file)));
  }
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    throw core::DataError(fmt::format("{}: cannot be read ({})", file, std::strerror(errno)));
  }
  std::ostringstream contents;
  contents << stream.rdbuf();
  return std::move(contents).str();
}

std::string read_text(const std::string& file) {
  std::string text = read_bytes(file);
  if (is_gzip(text)) text = unpack_gzip(text, file);
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  require_utf8(file, text);
  return text;
}

}  // namespace kronwerk::io
