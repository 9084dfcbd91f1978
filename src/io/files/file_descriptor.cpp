#include "io/files/file_descriptor.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "kronwerk/core/error.hpp"
#include "kronwerk/core/interruption.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::io {

namespace {

// Between two looks at whether the work is still wanted.
constexpr std::int64_t slab = std::int64_t{1} << 26;

std::int64_t free_bytes(const std::string& file) {
  struct statvfs system {};
  if (::statvfs(file.c_str(), &system) != 0) return -1;
  return static_cast<std::int64_t>(system.f_bavail) * static_cast<std::int64_t>(system.f_frsize);
}

}  // namespace

FileDescriptor FileDescriptor::open(const std::string& file, int flags) {
  FileDescriptor result;
  result.descriptor_ = ::open(file.c_str(), flags | O_CLOEXEC);
  if (result.descriptor_ < 0) {
    throw core::DataError(fmt::format("{}: cannot be opened ({})", file, std::strerror(errno)));
  }
  return result;
}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    close();
    descriptor_ = std::exchange(other.descriptor_, -1);
  }
  return *this;
}

void FileDescriptor::close() noexcept {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

bool is_pipe_or_device(const std::filesystem::file_status& status) {
  // Of a folder that cannot be entered nothing is known.
  return std::filesystem::is_other(status) && status.type() != std::filesystem::file_type::unknown;
}

void throw_write_error(const std::string& file, int error, std::int64_t needed) {
  if (error != ENOSPC && error != EDQUOT && error != EFBIG) {
    throw core::Hdf5Error(fmt::format("{}: cannot be written ({})", file, std::strerror(error)));
  }
  const std::int64_t available = free_bytes(file);
  std::string sizes;
  if (needed > 0 && available >= 0) {
    sizes = fmt::format(": {} needed, {} free", core::format_bytes(static_cast<double>(needed)),
                        core::format_bytes(static_cast<double>(available)));
  }
  throw core::ResourceError(
      fmt::format("{}: the disk is full or the quota is used up ({}){}; free "
                  "space or write elsewhere",
                  file, std::strerror(error), sizes));
}

void throw_creation_error(const std::string& file, int error) {
  if (error == ENOSPC || error == EDQUOT) throw_write_error(file, error);
  if (error == ENAMETOOLONG) {
    throw core::ConfigurationError(
        fmt::format("{}: the name is too long, since files of longer names are written beside it "
                    "first ({}); choose a shorter one",
                    file, std::strerror(error)));
  }
  throw core::ConfigurationError(
      fmt::format("{}: the output directory cannot be written ({})", file, std::strerror(error)));
}

void reserve_space(const std::string& file, std::int64_t bytes) {
  const auto descriptor = FileDescriptor::open(file, O_RDWR);
  struct stat status {};
  if (::fstat(descriptor.get(), &status) != 0) throw_write_error(file, errno);
  int result = 0;
  do {
    // Unlike posix_fallocate, this does not fall back to writing zeros where it is not supported.
    result = ::fallocate(descriptor.get(), FALLOC_FL_KEEP_SIZE, 0, status.st_size + bytes);
  } while (result != 0 && errno == EINTR);
  if (result == 0) return;
  const int error = errno;
  if (error != EOPNOTSUPP && error != ENOSYS && error != EINVAL) {
    throw_write_error(file, error, bytes);
  }
  const std::int64_t allocated = static_cast<std::int64_t>(status.st_blocks) * 512;
  const std::int64_t missing = status.st_size + bytes - allocated;
  const std::int64_t available = free_bytes(file);
  if (available >= 0 && missing > available) throw_write_error(file, ENOSPC, missing);
}

void write_at(const FileDescriptor& descriptor, const std::string& file, std::int64_t offset,
              const void* data, std::int64_t bytes) {
  const auto* source = static_cast<const char*>(data);
  for (std::int64_t done = 0; done < bytes;) {
    core::check_interruption();
    const auto count =
        ::pwrite(descriptor.get(), source + done,
                 static_cast<std::size_t>(std::min(slab, bytes - done)), offset + done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_write_error(file, errno, bytes - done);
    done += count;
  }
}

void read_at(const FileDescriptor& descriptor, const std::string& file, std::int64_t offset,
             void* data, std::int64_t bytes) {
  auto* target = static_cast<char*>(data);
  for (std::int64_t done = 0; done < bytes;) {
    core::check_interruption();
    const auto count =
        ::pread(descriptor.get(), target + done,
                static_cast<std::size_t>(std::min(slab, bytes - done)), offset + done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      throw core::DataError(fmt::format("{}: cannot be read at byte {} ({})", file, offset + done,
                                        count < 0 ? std::strerror(errno) : "it ends there"));
    }
    done += count;
  }
}

void flush_to_disk(const FileDescriptor& descriptor, const std::string& file) {
  // Some file systems cannot synchronise and say so; that is no failure to write.
  if (::fsync(descriptor.get()) != 0 && errno != EINVAL && errno != EROFS) {
    throw_write_error(file, errno);
  }
}

}  // namespace kronwerk::io
