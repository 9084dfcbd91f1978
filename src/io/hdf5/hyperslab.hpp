#pragma once

#include <span>
#include <vector>

#include "io/hdf5/hdf5_handle.hpp"
#include "kronwerk/core/extents.hpp"
#include "kronwerk/io/files/location.hpp"

namespace kronwerk::io {

/// A box of a dataset that is one consecutive range of its row-major order.
struct Hyperslab {
  std::vector<hsize_t> start;
  std::vector<hsize_t> count;
};

/// The range [first, last) of row-major positions as boxes in ascending order: at most
/// 2·ndim − 1 of them.
std::vector<Hyperslab> hyperslabs(std::span<const core::Index> shape, core::Index first,
                                  core::Index last);

/// Elements [first, first + count), row-major, of a dataset of any number of dimensions, into
/// memory of HDF5 type `memory_type`. Serial. @throws DataError
/// @param shape  of the dataset
void read_elements(const DatasetHandle& dataset, const Location& location, hid_t memory_type,
                   std::span<const core::Index> shape, core::Index first, core::Index count,
                   void* values);
/// The same of a dataset whose dimensions are in the opposite order, as doubles.
/// @param shape  of the dataset, the last dimension first
void read_transposed(const DatasetHandle& dataset, const Location& location,
                     std::span<const core::Index> shape, core::Index first,
                     std::span<double> values);
/// Likewise from memory. Serial. @throws ResourceError on a full disk
void write_elements(const DatasetHandle& dataset, hid_t memory_type,
                    std::span<const core::Index> shape, core::Index first, core::Index count,
                    const void* values);

}  // namespace kronwerk::io
