#pragma once

#include <string>

namespace kronwerk::application {

/// Whether a person watches standard output. Under mpirun, every rank's output is a pseudo-terminal
/// whatever mpirun's own is, so mpirun's is looked at.
bool output_is_watched();

/// Prints at once to standard output; why the first text could not be written is remembered for
/// require_printed. @param text may be empty: what was printed before is written out
void print_now(const std::string& text = "");

/// Writes out what this process has printed. A reader that has gone is no failure.
/// @throws ResourceError if something printed could not be written, as on a full device
void require_printed();

}  // namespace kronwerk::application
