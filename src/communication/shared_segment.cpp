#include "communication/shared_segment.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <random>
#include <string_view>
#include <system_error>

#include "kronwerk/core/error.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::communication {
namespace {

constexpr std::size_t page = std::size_t{2} << 20;
constexpr const char* directory = "/dev/shm";
/// MADV_POPULATE_WRITE, which headers before Linux 5.14 lack and kernels before it refuse.
constexpr int populate_write = 23;

class File {
 public:
  explicit File(int file) : file_(file) {}
  ~File() {
    if (file_ >= 0) close(file_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const noexcept { return file_; }

 private:
  int file_;
};

std::string bytes_text(std::size_t size) {
  return core::format_bytes(static_cast<double>(size));
}

Mapping map(int file, std::size_t size, int flags) {
  // Anonymous memory in whole huge pages; of a file no more than it has. To zero a huge page takes
  // longer than most of what small arrays are for.
  const bool huge = file >= 0 || size >= page / 8;
  const std::size_t mapped = file < 0 && huge ? (size + page - 1) / page * page : size;
  void* address = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, flags, file, 0);
  if (address == MAP_FAILED) {
    throw core::ResourceError(
        fmt::format("cannot map {} of memory: {}", bytes_text(size), std::strerror(errno)));
  }
  // Only an advice: without it 4 kB pages serve, with more address-translation misses.
  if (huge) static_cast<void>(madvise(address, mapped, MADV_HUGEPAGE));
  return {static_cast<std::byte*>(address), size, mapped};
}

/// Whether this process now holds the file and the file still has a name.
bool lock(int file) {
  struct stat status = {};
  return flock(file, LOCK_EX | LOCK_NB) == 0 && fstat(file, &status) == 0 && status.st_nlink > 0;
}

void reserve(int file, std::size_t size) {
  int status = 0;
  do {
    status = posix_fallocate(file, 0, static_cast<off_t>(size));
  } while (status == EINTR);
  if (status == 0) return;
  throw core::ResourceError(
      fmt::format("cannot reserve {} of shared memory in {}: {}; enlarge {}, or use more nodes",
                  bytes_text(size), directory, std::strerror(status), directory));
}

void remove_if_stale(const std::filesystem::path& path) {
  const File file(open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  struct stat status = {};
  if (file.get() < 0 || fstat(file.get(), &status) != 0) return;
  if (!S_ISREG(status.st_mode) || status.st_uid != geteuid() || !lock(file.get())) return;
  unlink(path.c_str());
}

}  // namespace

Mapping::~Mapping() {
  if (data_ != nullptr) munmap(data_, mapped_);
}

Mapping map_private(std::size_t size) {
  if (size == 0) return {};
  return map(-1, size, MAP_PRIVATE | MAP_ANONYMOUS);
}

std::string random_segment_name() {
  std::random_device device;
  const auto high = std::uint64_t{device()} << 32;
  return fmt::format("{}{:016x}", segment_prefix, high | device());
}

NamedSegment::NamedSegment(NamedSegment&& other) noexcept
    : name_(std::exchange(other.name_, {})),
      file_(std::exchange(other.file_, -1)),
      mapping_(std::move(other.mapping_)) {}

NamedSegment& NamedSegment::operator=(NamedSegment&& other) noexcept {
  std::swap(name_, other.name_);
  std::swap(file_, other.file_);
  std::swap(mapping_, other.mapping_);
  return *this;
}

NamedSegment::~NamedSegment() {
  if (file_ < 0) return;
  shm_unlink(name_.c_str());
  close(file_);
}

NamedSegment create_segment(std::size_t size, const std::function<std::string()>& next_name) {
  NamedSegment segment;
  if (size == 0) return segment;
  constexpr int attempts = 100;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    std::string name = next_name();
    const int file = shm_open(name.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600);
    if (file < 0 && errno == EEXIST) continue;
    if (file < 0) {
      throw core::ResourceError(
          fmt::format("cannot create shared memory in {}: {}", directory, std::strerror(errno)));
    }
    // Until it is locked, another job may take it for a remainder and remove it: then again.
    if (!lock(file)) {
      close(file);
      continue;
    }
    segment.name_ = std::move(name);
    segment.file_ = file;
    reserve(file, size);
    segment.mapping_ = map(file, size, MAP_SHARED);
    return segment;
  }
  throw core::ResourceError(
      fmt::format("cannot create shared memory in {}: {} names in turn were taken; remove what "
                  "killed jobs left there ({}*)",
                  directory, attempts, segment_prefix + 1));
}

Mapping open_segment(const std::string& name, std::size_t size) {
  if (size == 0) return {};
  const File file(shm_open(name.c_str(), O_RDWR, 0600));
  if (file.get() < 0) {
    throw core::ResourceError(
        fmt::format("cannot open the shared memory {}: {}", name, std::strerror(errno)));
  }
  return map(file.get(), size, MAP_SHARED);
}

std::jthread touch_in_background(const Mapping& mapping) noexcept {
  const auto touch = [begin = mapping.data(), size = mapping.size()](const std::stop_token& stop) {
    for (std::size_t done = 0; done < size && !stop.stop_requested(); done += page) {
      if (madvise(begin + done, std::min(page, size - done), populate_write) != 0) return;
    }
  };
  try {
    return std::jthread(touch);
  } catch (const std::system_error&) {
    return {};
  }
}

void remove_stale_segments() noexcept {
  try {
    std::error_code ignored;
    for (std::filesystem::directory_iterator entry(directory, ignored), end; entry != end;
         entry.increment(ignored)) {
      const std::string name = "/" + entry->path().filename().string();
      if (name.starts_with(segment_prefix)) remove_if_stale(entry->path());
    }
  } catch (const std::exception&) {
    // Nothing depends on it.
  }
}

void remove_stale_segments_once() noexcept {
  static const bool done = (remove_stale_segments(), true);
  static_cast<void>(done);
}

}  // namespace kronwerk::communication
