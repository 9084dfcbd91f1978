#pragma once

#include <algorithm>
#include <cstddef>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::models {

/// Calls pair(below, above) for the places of (i, j) and (j, i), i > j, of an (n, n) matrix, tile
/// by tile, so that neither walks through memory by columns.
template <typename Pair>
void for_pairs(core::Index n, Pair&& pair) {
  constexpr core::Index tile = 32;
  for (core::Index first = 0; first < n; first += tile) {
    for (core::Index second = 0; second <= first; second += tile) {
      for (core::Index i = first; i < std::min(n, first + tile); ++i) {
        for (core::Index j = second; j < std::min(i, second + tile); ++j) {
          pair(static_cast<std::size_t>(i * n + j), static_cast<std::size_t>(j * n + i));
        }
      }
    }
  }
}

}  // namespace kronwerk::models
