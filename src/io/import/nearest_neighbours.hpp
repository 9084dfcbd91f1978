#pragma once

#include <vector>

#include "kronwerk/io/import/import.hpp"

namespace kronwerk::io {

/// For each point the indices of its k nearest others, ascending: exactly the k first by (distance,
/// index), distances whose squares agree to 1e-10 relative counting as equal.
///
/// O(n log n + n k) for well-spread points, by a k-d tree: in the plane, or on the unit sphere in
/// space (chord lengths order as arc lengths do). Serial.
/// @param x, y  longitude and latitude in degrees, or planar coordinates
std::vector<std::vector<core::Index>> nearest_neighbours(const std::vector<double>& x,
                                                         const std::vector<double>& y,
                                                         Metric metric, core::Index k);

}  // namespace kronwerk::io
