#pragma once

#include <string>

namespace kronwerk::application {

/// Whether a person watches standard output. Under mpirun, every rank's output is a pseudo-terminal
/// whatever mpirun's own is, so mpirun's is looked at.
bool output_is_watched();

/// How jobs print: lines for people, or one JSON object for each. Of this process.
enum class OutputStyle { text, json };
void set_output_style(OutputStyle style);
OutputStyle output_style();

/// From now on, all that this process prints and says is also added to a file, "" for none.
/// @throws ResourceError if it cannot be written
void set_log(const std::string& file);
bool log_is_open();
/// To the log alone, if there is one.
void print_to_log(const std::string& text);
/// To standard output alone: what will be overwritten there.
void print_in_place(const std::string& text);

/// Prints at once to standard output and to the log; why the first text could not be written is
/// remembered for require_printed. @param text may be empty: what was printed before is written out
void print_now(const std::string& text = "");

/// Writes out what this process has printed. A reader that has gone is no failure.
/// @throws ResourceError if something printed could not be written, as on a full device
void require_printed();

}  // namespace kronwerk::application
