#include "kronwerk/factors/base/scratch.hpp"

#include <sys/mman.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <string>

#include "kronwerk/core/error.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::factors {
namespace {

constexpr std::size_t huge_page = std::size_t{1} << 21;

struct Free {
  void operator()(void* memory) const noexcept { std::free(memory); }
};

struct Slot {
  std::unique_ptr<double, Free> memory;
  std::size_t bytes = 0;
};

// Panels are swept in an order that only the sparsity pattern knows, so buffers of several pages
// ask for huge pages: otherwise every second row of a panel misses the first-level TLB.
void grow(Slot& slot, std::size_t bytes) {
  const std::size_t unit = bytes >= huge_page / 4 ? huge_page : 4096;
  const std::size_t rounded = (bytes + unit - 1) / unit * unit;
  slot.memory.reset();
  slot.bytes = 0;
  slot.memory.reset(static_cast<double*>(std::aligned_alloc(unit, rounded)));
  if (!slot.memory) {
    throw core::ResourceError("work memory of " + core::format_bytes(static_cast<double>(rounded)) +
                              " could not be allocated; use more nodes or fewer ranks per node");
  }
  slot.bytes = rounded;
  // Advice only: where it is refused, ordinary pages serve as well.
  if (unit == huge_page) static_cast<void>(madvise(slot.memory.get(), rounded, MADV_HUGEPAGE));
}

}  // namespace

double* scratch(Scratch slot, core::Index count) {
  thread_local std::array<Slot, static_cast<std::size_t>(Scratch::count)> slots;
  Slot& chosen = slots.at(static_cast<std::size_t>(slot));
  const auto bytes = static_cast<std::size_t>(count > 0 ? count : 1) * sizeof(double);
  if (bytes > chosen.bytes) grow(chosen, bytes);
  return chosen.memory.get();
}

}  // namespace kronwerk::factors
