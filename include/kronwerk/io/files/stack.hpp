#pragma once

#include <span>
#include <string>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/io/files/location.hpp"
#include "kronwerk/io/files/result_file.hpp"

namespace kronwerk::io {

/// The text of a result's root attribute `configuration`; empty if the file does not exist, cannot
/// be read or has none. Serial.
std::string configuration_of(const std::string& file);

/// The value of a dataset of one number. Serial.
/// @throws DataError also if it has none or several
double read_number(const Location& location);

/// Copies every dataset of results that have the same datasets into `target`, with `axes` in front
/// of its shape: file number i is at the row-major position i of the axes. Where a file lacks a
/// dataset or has a shorter one, the missing values are NaN. Collective; a bounded piece of one
/// dataset is in memory at a time, except where shapes differ.
/// @param files  Π axes names, the same on every rank
/// @throws DataError if a file cannot be read or a dataset has different numbers of dimensions
void stack_results(const communication::Communicator& comm, std::span<const std::string> files,
                   std::span<const core::Index> axes, ResultFile& target);

}  // namespace kronwerk::io
