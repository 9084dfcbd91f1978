#pragma once

#include "kronwerk/core/extents.hpp"

namespace kronwerk::kernels {

/// Numbers are looked at in groups of this many.
inline constexpr core::Index scan_group = 64;

/// Where the first group at or after `begin`, a multiple of scan_group, starts that has a number
/// <= threshold; `count` if none has. Vectorised.
core::Index next_group(const float* values, core::Index begin, core::Index count, float threshold);

}  // namespace kronwerk::kernels
