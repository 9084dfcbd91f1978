#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "kronwerk/core/error.hpp"

namespace kronwerk::core {

/// Counts and positions over the grid: 64-bit everywhere.
using Index = std::int64_t;

/// The grid (n_1, …, n_K), first mode slowest.
using Extents = std::vector<Index>;

/// Π n_k; 1 for no modes.
/// @throws ShapeError if an extent is negative or the product exceeds 2^63 - 1
Index product(std::span<const Index> extents);

/// a * b. @throws ShapeError on overflow
Index multiply(Index a, Index b);

/// "305 x 305", "7" or "scalar".
std::string to_text(std::span<const Index> extents);

/// Converts between integer types. @throws ShapeError, naming the value, if it does not fit
template <typename To, typename From>
To narrow(From value, SourceLocation where = SourceLocation::current()) {
  if (!std::in_range<To>(value)) {
    throw ShapeError("the size " + std::to_string(value) + " does not fit a " +
                         std::to_string(8 * sizeof(To)) + "-bit integer",
                     where);
  }
  return static_cast<To>(value);
}

}  // namespace kronwerk::core
