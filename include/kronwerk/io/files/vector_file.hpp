#pragma once

#include <span>
#include <string>

#include "kronwerk/communication/communicator.hpp"

namespace kronwerk::io {

/// A distributed vector in a file of nothing but its values, in their global order: what a job
/// keeps for itself, whatever the number of ranks that goes on with it.

/// Creates the file; every rank writes its values from position `offset` on, of `size` in all. They
/// are on the disk afterwards. Collective. @throws ResourceError on every rank on a full disk
void write_vector_file(const communication::Communicator& comm, const std::string& file,
                       core::Index size, core::Index offset, std::span<const double> values);

/// This rank's values from position `offset` on. Collective.
/// @throws DataError on every rank if the file is not there or has not exactly `size` values
void read_vector_file(const communication::Communicator& comm, const std::string& file,
                      core::Index size, core::Index offset, std::span<double> values);

}  // namespace kronwerk::io
