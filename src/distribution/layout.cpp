// See src/MATHEMATICS.md, "Layouts and redistribution".
#include "kronwerk/distribution/layout.hpp"

#include <fmt/format.h>

namespace kronwerk::distribution {

Layout::Layout(Extents extents, int leading_modes, int parts, Index away_unit)
    : extents_(std::move(extents)), leading_modes_(leading_modes) {
  if (leading_modes < 0 || static_cast<std::size_t>(leading_modes) > extents_.size()) {
    throw core::ShapeError(
        fmt::format("cannot split {} modes after mode {}", extents_.size(), leading_modes));
  }
  static_cast<void>(core::product(extents_));
  const std::span<const Index> all(extents_);
  const auto split = static_cast<std::size_t>(leading_modes);
  home_ = BlockPartition(core::product(all.first(split)), parts);
  away_ = BlockPartition(core::product(all.subspan(split)), parts, away_unit);
}

}  // namespace kronwerk::distribution
