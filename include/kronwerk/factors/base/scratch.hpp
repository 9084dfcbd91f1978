#pragma once

#include "kronwerk/core/extents.hpp"

namespace kronwerk::factors {

/// Who holds a piece of scratch memory; two users that may be active at once have different slots.
enum class Scratch {
  panel,
  packed_rows,
  packed_columns,
  ping,
  pong,
  pass_ping,
  pass_pong,
  strip,
  chunk,
  kernel,
  count
};

/// 64-byte aligned work memory of the calling thread that is kept between uses. A slot's contents
/// are lost when the same slot is asked for again.
/// @throws ResourceError if memory is short
double* scratch(Scratch slot, core::Index count);

}  // namespace kronwerk::factors
