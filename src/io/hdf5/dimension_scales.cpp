// HDF5 Dimension Scale Specification; "NetCDF-4 Format" of the NetCDF User's Guide, appendix C.
#include "io/hdf5/dimension_scales.hpp"

#include <fmt/format.h>
#include <hdf5_hl.h>

#include <algorithm>

#include "io/hdf5/hdf5_input.hpp"
#include "io/hdf5/object_walk.hpp"

namespace kronwerk::io {
namespace {

/// What netCDF-4 calls a dimension that has no values.
constexpr const char* without_values = "This is a netCDF dimension but not a netCDF variable.";

DatasetHandle open_dataset(const FileHandle& file, const std::string& path) {
  auto dataset = DatasetHandle::adopt(H5Dopen2(file.get(), path.c_str(), H5P_DEFAULT));
  if (!dataset) throw_hdf5(fmt::format("cannot open the dataset '{}' to name its axes", path));
  return dataset;
}

DatasetHandle create_dimension(const FileHandle& file, const std::string& path,
                               core::Index extent) {
  const hsize_t size = static_cast<hsize_t>(extent);
  const auto space = SpaceHandle::adopt(H5Screate_simple(1, &size, nullptr));
  const auto properties = PropertiesHandle::adopt(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_obj_track_times(properties.get(), false);
  auto dataset =
      DatasetHandle::adopt(H5Dcreate2(file.get(), path.c_str(), H5T_NATIVE_DOUBLE, space.get(),
                                      H5P_DEFAULT, properties.get(), H5P_DEFAULT));
  const std::string name = fmt::format("{}{:10}", without_values, extent);
  if (!dataset || H5DSset_scale(dataset.get(), name.c_str()) < 0) {
    throw_hdf5(fmt::format("cannot create the dimension '{}'", path));
  }
  return dataset;
}

/// The scale at `path`, which is made one, or made.
DatasetHandle scale_at(const FileHandle& file, const std::string& path, core::Index extent) {
  if (!object_exists(file, path)) return create_dimension(file, path, extent);
  auto scale = open_dataset(file, path);
  const auto shape = shape_of(scale.get());
  if (shape != core::Extents{extent}) {
    throw core::ShapeError(
        fmt::format("the axis '{}' has {} values and no scale as long", path, extent));
  }
  const std::string name = path.substr(path.rfind('/') + 1);
  if (H5DSis_scale(scale.get()) <= 0 && H5DSset_scale(scale.get(), name.c_str()) < 0) {
    throw_hdf5(fmt::format("'{}' cannot be made a dimension scale", path));
  }
  return scale;
}

void attach(const FileHandle& file, const std::string& path, const DatasetHandle& dataset,
            std::span<const std::string> names) {
  const auto shape = shape_of(dataset.get());
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    const std::string name = axis < names.size()
                                 ? normalised_path(parent_path(path) + "/" + names[axis])
                                 : fmt::format("{}_dim_{}", path, axis);
    const auto scale = scale_at(file, name, shape[axis]);
    if (H5DSattach_scale(dataset.get(), scale.get(), static_cast<unsigned>(axis)) < 0) {
      throw_hdf5(fmt::format("'{}' cannot be attached to '{}'", name, path));
    }
  }
}

}  // namespace

void attach_scales(const FileHandle& file, std::span<const NamedAxes> named) {
  const auto content = walk_objects(file);
  for (const auto& [path, names] : named) {
    const std::string place = normalised_path(path);
    attach(file, place, open_dataset(file, place), names);
  }
  for (const auto& object : content.objects) {
    if (!object.dataset) continue;
    const bool done = std::ranges::any_of(
        named, [&](const NamedAxes& each) { return normalised_path(each.path) == object.path; });
    if (done) continue;
    const auto dataset = open_dataset(file, object.path);
    if (H5DSis_scale(dataset.get()) <= 0) attach(file, object.path, dataset, {});
  }
}

}  // namespace kronwerk::io
