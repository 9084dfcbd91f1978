#include "shared_segment.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "kronwerk/core/error.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::communication {
namespace {

constexpr std::size_t page = std::size_t{2} << 20;

Mapping map(int file, std::size_t size, int flags) {
  Mapping mapping;
  mapping.mapped = (size + page - 1) / page * page;
  void* address =
      mmap(nullptr, file < 0 ? mapping.mapped : size, PROT_READ | PROT_WRITE, flags, file, 0);
  if (address == MAP_FAILED) {
    throw core::ResourceError(fmt::format("cannot map {} of memory: {}",
                                          core::format_bytes(static_cast<double>(size)),
                                          std::strerror(errno)));
  }
  if (file >= 0) mapping.mapped = size;
  // Only an advice: without it 4 kB pages serve, with more address-translation misses.
  static_cast<void>(madvise(address, mapping.mapped, MADV_HUGEPAGE));
  mapping.data = static_cast<std::byte*>(address);
  return mapping;
}

}  // namespace

Mapping map_private(std::size_t size) {
  if (size == 0) return {};
  return map(-1, size, MAP_PRIVATE | MAP_ANONYMOUS);
}

Mapping create_segment(const std::string& name, std::size_t size) {
  if (size == 0) return {};
  const int file = shm_open(name.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600);
  const int status = file < 0 ? errno : posix_fallocate(file, 0, static_cast<off_t>(size));
  if (status != 0) {
    if (file >= 0) {
      close(file);
      unlink_segment(name);
    }
    throw core::ResourceError(
        fmt::format("cannot reserve {} of shared memory in /dev/shm: {}; enlarge /dev/shm, or use "
                    "more nodes",
                    core::format_bytes(static_cast<double>(size)), std::strerror(status)));
  }
  try {
    const Mapping mapping = map(file, size, MAP_SHARED);
    close(file);
    return mapping;
  } catch (...) {
    close(file);
    unlink_segment(name);
    throw;
  }
}

Mapping open_segment(const std::string& name, std::size_t size) {
  if (size == 0) return {};
  const int file = shm_open(name.c_str(), O_RDWR, 0600);
  if (file < 0) {
    throw core::ResourceError(
        fmt::format("cannot open the shared memory {}: {}", name, std::strerror(errno)));
  }
  try {
    const Mapping mapping = map(file, size, MAP_SHARED);
    close(file);
    return mapping;
  } catch (...) {
    close(file);
    throw;
  }
}

void unlink_segment(const std::string& name) noexcept {
  shm_unlink(name.c_str());
}

void unmap(Mapping& mapping) noexcept {
  if (mapping.data != nullptr) munmap(mapping.data, mapping.mapped);
  mapping = {};
}

std::string new_segment_name() {
  static std::atomic<unsigned> counter{0};
  return fmt::format("/kronwerk-{}-{}", getpid(), counter++);
}

}  // namespace kronwerk::communication
