#pragma once

#include "kronwerk/core/extents.hpp"

namespace kronwerk::operators {

/// Part of a Kronecker sum of diagonals: s[r, c] = row_sums[r] + table[c].
struct SumTile {
  const double* row_sums = nullptr;
  core::Index rows = 0;
  const double* table = nullptr;
  core::Index columns = 0;
};

/// How the values of a tile are stored: scale * f(s), row after row.
enum class TileStore {
  overwrite,
  stream,  ///< past the cache
  accumulate,
};

/// The scale is already in row_sums and table, but for the reciprocal: numerator / s.
void store_sums(const SumTile& tile, double* out, TileStore store);
void store_reciprocals(const SumTile& tile, double numerator, double* out, TileStore store);
/// What is streamed is visible to other cores afterwards.
void finish_streaming();

/// Π |s| = product * 2^exponent; the sign and what the vector code cannot multiply.
struct LogProduct {
  double log_mantissas = 0;  ///< Σ log of the mantissas, each within [√½, √2)
  core::Index exponent = 0;
  bool negative = false;
  double least = 0;     ///< min |s|
  double greatest = 0;  ///< max |s|; both decide whether the others count
};

/// Where `least` is below the smallest normal number or `greatest` is infinite, the rest is void.
/// At least as many columns as a vector has lanes (8 are enough).
LogProduct multiply_sums(const SumTile& tile);

}  // namespace kronwerk::operators
