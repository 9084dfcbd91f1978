#pragma once

#include <initializer_list>
#include <span>
#include <string>

#include "kronwerk/io/import/import.hpp"

namespace kronwerk::io {

/// @throws ConfigurationError if the target's file is one of the files that are read, whatever it
/// is called there; empty names are no files
void refuse_target_among(const ImportTarget& target, std::initializer_list<std::string> files);

/// How many values are neither 0 nor NaN, for the summary.
core::Index nonzeros(std::span<const double> values);

/// Says in the summary how many values are NaN, if any are.
void note_missing(ImportSummary& summary, core::Index count);

}  // namespace kronwerk::io
