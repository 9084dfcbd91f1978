#include "kronwerk/io/files/whole_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "io/files/file_descriptor.hpp"
#include "io/files/target_lock.hpp"

namespace kronwerk::io {

void write_whole(const std::string& file, const std::string& text) {
  // Ranks of a killed job may live on for a moment: every process has a name of its own.
  const std::string name = fmt::format("{}.{}.part", file, process_id());
  try {
    const auto descriptor =
        FileDescriptor::adopt(::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (!descriptor) throw_creation_error(file, errno);
    write_at(descriptor, file, 0, text.data(), static_cast<std::int64_t>(text.size()));
    flush_to_disk(descriptor, file);
    if (std::rename(name.c_str(), file.c_str()) != 0) throw_write_error(file, errno);
  } catch (...) {
    ::unlink(name.c_str());
    throw;
  }
  // The new name is on the disk once its folder is.
  const auto parent = std::filesystem::path(file).parent_path();
  flush_to_disk(FileDescriptor::open(parent.empty() ? "." : parent.string(), O_RDONLY), file);
}

std::string read_whole(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream whole;
  whole << stream.rdbuf();
  return whole.str();
}

}  // namespace kronwerk::io
