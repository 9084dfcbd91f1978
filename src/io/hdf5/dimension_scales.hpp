#pragma once

#include <span>
#include <string>
#include <vector>

#include "io/hdf5/hdf5_handle.hpp"
#include "kronwerk/core/extents.hpp"

namespace kronwerk::io {

/// What the axes of a dataset are called.
struct NamedAxes {
  std::string path;
  std::vector<std::string> names;
};

/// Attaches HDF5's dimension scales to every axis of every dataset, as netCDF-4 reads them: a
/// dataset of the same group by the name of the axis if there is one, else a dimension without
/// values; those that have no names are called after their dataset, "history_dim_0". Serial.
/// @throws ShapeError if an axis is not as long as its scale
void attach_scales(const FileHandle& file, std::span<const NamedAxes> named);

}  // namespace kronwerk::io
