#pragma once

#include <span>

#include "kronwerk/core/extents.hpp"
#include "kronwerk/distribution/partition.hpp"

namespace kronwerk::distribution {

using core::Extents;

/// How a vector over a grid is spread over `parts` ranks. The first `leading_modes` modes form the
/// leading group (extent product M = leading()), the others the trailing group (T = trailing()).
///
/// Home: the leading index is partitioned; a rank's block is (rows, T), a contiguous piece of the
/// global order. Away: the trailing index is partitioned; a rank's block is (M, columns),
/// row-major.
class Layout {
 public:
  Layout() = default;
  /// @param away_unit  the away blocks begin at multiples of it
  /// @throws ShapeError if a size overflows or leading_modes is out of range
  Layout(Extents extents, int leading_modes, int parts, Index away_unit = 1);

  const Extents& extents() const noexcept { return extents_; }
  int leading_modes() const noexcept { return leading_modes_; }
  int parts() const noexcept { return home_.parts(); }
  Index leading() const noexcept { return home_.size(); }
  Index trailing() const noexcept { return away_.size(); }
  Index size() const noexcept { return leading() * trailing(); }
  /// Over the leading index.
  const BlockPartition& home() const noexcept { return home_; }
  /// Over the trailing index.
  const BlockPartition& away() const noexcept { return away_; }
  /// This rank's piece of the global order in the home layout.
  Index home_begin(int part) const noexcept { return home_.begin(part) * trailing(); }
  Index home_size(int part) const noexcept { return home_.count(part) * trailing(); }
  Index away_size(int part) const noexcept { return leading() * away_.count(part); }
  /// Of any part.
  Index largest_away_size() const noexcept { return leading() * away_.largest(); }

 private:
  Extents extents_;
  int leading_modes_ = 0;
  BlockPartition home_{1, 1};
  BlockPartition away_{1, 1};
};

}  // namespace kronwerk::distribution
