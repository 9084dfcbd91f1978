#pragma once

#include "kronwerk/core/extents.hpp"

namespace kronwerk::distribution {

using core::Index;

/// `size` indices in consecutive blocks over `parts` owners, as evenly as possible: the first
/// size % parts owners have one more. Owners beyond `size` own nothing. With a `unit` u > 1, blocks
/// begin at multiples of u, so that indices that belong together have one owner; the last may be
/// shorter.
class BlockPartition {
 public:
  BlockPartition() = default;
  /// @throws ShapeError if size < 0, parts < 1 or unit < 1
  BlockPartition(Index size, int parts, Index unit = 1);

  Index size() const noexcept { return size_; }
  int parts() const noexcept { return parts_; }
  Index begin(int part) const noexcept {
    const Index first = unit_ * (part * quotient_ + (part < remainder_ ? part : remainder_));
    return first < size_ ? first : size_;
  }
  Index end(int part) const noexcept { return begin(part + 1); }
  Index count(int part) const noexcept { return end(part) - begin(part); }
  /// The largest count of any part.
  Index largest() const noexcept { return count(0); }
  /// Who owns `index`, 0 <= index < size.
  int owner(Index index) const noexcept;

 private:
  Index size_ = 0;
  int parts_ = 1;
  Index unit_ = 1;
  Index quotient_ = 0;  ///< in units, like remainder_
  Index remainder_ = 0;
};

}  // namespace kronwerk::distribution
