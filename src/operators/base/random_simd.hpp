#pragma once

#include <cstdint>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::operators {

/// Where a sequence of pairs of random numbers stands.
struct RandomPosition {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;
  std::uint64_t pair = 0;
};

/// `count` pairs from the position on, chosen for the processor at run time. Local.
void fill_pairs(bool normal, RandomPosition position, core::Index count, double* out);

}  // namespace kronwerk::operators
