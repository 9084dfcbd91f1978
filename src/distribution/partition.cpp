#include "kronwerk/distribution/partition.hpp"

#include <fmt/format.h>

namespace kronwerk::distribution {

BlockPartition::BlockPartition(Index size, int parts, Index unit)
    : size_(size), parts_(parts), unit_(unit) {
  if (size < 0 || parts < 1 || unit < 1) {
    throw core::ShapeError(
        fmt::format("cannot split {} indices in units of {} over {} ranks", size, unit, parts));
  }
  const Index units = (size + unit - 1) / unit;
  quotient_ = units / parts;
  remainder_ = units % parts;
}

int BlockPartition::owner(Index index) const noexcept {
  const Index place = index / unit_;
  const Index in_larger_blocks = remainder_ * (quotient_ + 1);
  if (place < in_larger_blocks) return static_cast<int>(place / (quotient_ + 1));
  return static_cast<int>(remainder_ + (place - in_larger_blocks) / quotient_);
}

}  // namespace kronwerk::distribution
