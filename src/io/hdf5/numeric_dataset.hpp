#pragma once

#include <span>
#include <string>
#include <vector>

#include "io/hdf5/hdf5_input.hpp"
#include "kronwerk/communication/communicator.hpp"

namespace kronwerk::io {

/// What a rank must know to read numbers from a dataset, found out by one rank and broadcast, so
/// that thousands of ranks do not all walk the file's metadata.
struct NumericDataset {
  Location location;
  core::Extents shape;  ///< of what is read
  /// Where the values begin in the file if they lie there as native doubles in one piece, so that
  /// they can be read without HDF5; else -1.
  core::Index direct_offset = -1;
};

/// Serial. @throws DataError unless the dataset holds integers or floating-point numbers
NumericDataset examine_numeric(const FileHandle& file, const Location& location);

/// Whether a dataset holds such numbers. Serial.
bool is_numeric(const FileHandle& file, const Location& location);

/// examine_numeric on rank 0, the outcome on every rank. Collective.
NumericDataset examine_numeric(const communication::Communicator& comm, const Location& location);

/// Elements [offset, offset + values.size()) of what is read in row-major order, converted to
/// double. Serial.
void read_numbers(const NumericDataset& dataset, core::Index offset, std::span<double> values);

/// "(3, 4)" for the row-major position of a 2-D dataset, "7" for a 1-D one.
std::string position_text(std::span<const core::Index> shape, core::Index position);

/// Throws DataError on every rank if any rank's values hold NaN or Inf, naming the lowest position
/// of all. Collective.
void refuse_nonfinite(const communication::Communicator& comm, const NumericDataset& dataset,
                      core::Index offset, std::span<const double> values);

}  // namespace kronwerk::io
