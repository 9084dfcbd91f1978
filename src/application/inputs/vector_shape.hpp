#pragma once

#include <optional>
#include <string>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::application {

using core::Extents;
using core::Index;

/// How a dataset holds vectors over a grid: (N,), (n_1, …, n_K), (m, N) or (m, n_1, …, n_K).
struct VectorShape {
  Index count = 1;       ///< m
  bool several = false;  ///< has the leading axis m
  bool flat = false;     ///< the grid is one axis
};

/// Finds the reading of `shape` for the grid, if there is one. Where several readings fit, they
/// differ by extents of 1 only and hold the same numbers; the one with the grid's own axes is
/// taken.
std::optional<VectorShape> find_shape(const Extents& shape, const Extents& grid);

/// @param what  names the dataset in the message
/// @throws ShapeError that names both shapes if there is none
VectorShape match_shape(const Extents& shape, const Extents& grid, const std::string& what);

/// The dataset's shape for the same reading of another grid.
Extents dataset_shape(const VectorShape& reading, const Extents& grid);

}  // namespace kronwerk::application
