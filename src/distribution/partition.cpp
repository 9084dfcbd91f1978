#include "kronwerk/distribution/partition.hpp"

#include <fmt/format.h>

namespace kronwerk::distribution {

BlockPartition::BlockPartition(Index size, int parts) : size_(size), parts_(parts) {
  if (size < 0 || parts < 1) {
    throw core::ShapeError(fmt::format("cannot split {} indices over {} ranks", size, parts));
  }
  quotient_ = size / parts;
  remainder_ = size % parts;
}

int BlockPartition::owner(Index index) const noexcept {
  const Index in_larger_blocks = remainder_ * (quotient_ + 1);
  if (index < in_larger_blocks) return static_cast<int>(index / (quotient_ + 1));
  return static_cast<int>(remainder_ + (index - in_larger_blocks) / quotient_);
}

}  // namespace kronwerk::distribution
