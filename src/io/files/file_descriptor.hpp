#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <type_traits>
#include <utility>

namespace kronwerk::io {

/// Owning, move-only POSIX file descriptor.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  /// @throws DataError with the system's reason
  static FileDescriptor open(const std::string& file, int flags);
  /// Takes over a descriptor; a negative one makes an empty object.
  static FileDescriptor adopt(int descriptor) noexcept {
    FileDescriptor result;
    result.descriptor_ = descriptor;
    return result;
  }
  FileDescriptor(FileDescriptor&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() { close(); }

  int get() const noexcept { return descriptor_; }
  explicit operator bool() const noexcept { return descriptor_ >= 0; }
  void close() noexcept;

 private:
  int descriptor_ = -1;
};

static_assert(!std::is_copy_constructible_v<FileDescriptor>);

/// Whether there is something that is neither a file nor a folder: a pipe that may never begin or a
/// device that may never end.
bool is_pipe_or_device(const std::filesystem::file_status& status);

/// Throws ResourceError for a full disk, an exhausted quota or a file size limit, else Hdf5Error;
/// `error` is an errno value, `needed` the bytes that were to be written (0: unknown).
[[noreturn]] void throw_write_error(const std::string& file, int error, std::int64_t needed = 0);

/// What opening a new file for writing failed with: throws ResourceError as above for a full disk,
/// else ConfigurationError, since the name or its folder cannot be used.
[[noreturn]] void throw_creation_error(const std::string& file, int error);

/// Makes sure that `bytes` more than the file has now can be written: allocates the blocks, or
/// where the file system cannot, compares with its free space. The file's size does not change.
/// @throws ResourceError
void reserve_space(const std::string& file, std::int64_t bytes);

/// Writes all of it at `offset`. @throws as throw_write_error
void write_at(const FileDescriptor& descriptor, const std::string& file, std::int64_t offset,
              const void* data, std::int64_t bytes);

/// Reads all of it from `offset` on. @throws DataError if the file cannot be read or ends before
void read_at(const FileDescriptor& descriptor, const std::string& file, std::int64_t offset,
             void* data, std::int64_t bytes);

/// Forces what was written to the disk. @throws as throw_write_error
void flush_to_disk(const FileDescriptor& descriptor, const std::string& file);

}  // namespace kronwerk::io
