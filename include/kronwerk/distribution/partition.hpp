#pragma once

#include "kronwerk/core/extents.hpp"

namespace kronwerk::distribution {

using core::Index;

/// `size` indices in consecutive blocks over `parts` owners, as evenly as possible: the first
/// size % parts owners have one more. Owners beyond `size` own nothing.
class BlockPartition {
 public:
  BlockPartition() = default;
  /// @throws ShapeError if size < 0 or parts < 1
  BlockPartition(Index size, int parts);

  Index size() const noexcept { return size_; }
  int parts() const noexcept { return parts_; }
  Index begin(int part) const noexcept {
    return part * quotient_ + (part < remainder_ ? part : remainder_);
  }
  Index end(int part) const noexcept { return begin(part + 1); }
  Index count(int part) const noexcept { return quotient_ + (part < remainder_ ? 1 : 0); }
  /// The largest count of any part.
  Index largest() const noexcept { return quotient_ + (remainder_ > 0 ? 1 : 0); }
  /// Who owns `index`, 0 <= index < size.
  int owner(Index index) const noexcept;

 private:
  Index size_ = 0;
  int parts_ = 1;
  Index quotient_ = 0;
  Index remainder_ = 0;
};

}  // namespace kronwerk::distribution
