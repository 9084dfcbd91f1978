#pragma once

#include "kronwerk/core/extents.hpp"

namespace kronwerk::communication {

/// Copies past the cache: the destination's lines are not read first, which saves a third of the
/// traffic of a copy into memory that is not cached. Follow with stream_fence() before others read.
/// Local; the ranges must not overlap.
void stream_copy(double* to, const double* from, core::Index count);

/// Orders streamed stores before whatever comes after.
void stream_fence();

}  // namespace kronwerk::communication
