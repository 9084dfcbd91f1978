#pragma once

#include <optional>
#include <string>
#include <vector>

#include "application/session/start_check.hpp"

namespace kronwerk::application {

/// What draws, jobs/plot.py. @throws ConfigurationError if it is not there
std::string plot_script();

/// The command that draws what `kronwerk plot RESULT.h5 …` asks for: the Python of the variable
/// KRONWERK_PYTHON, else python3, with `script` and the arguments. Empty on ranks but the first,
/// absent for other commands and for --help. Local.
/// @throws ConfigurationError for wrong arguments
std::optional<std::vector<std::string>> plot_command(int argc, char** argv,
                                                     const std::string& script,
                                                     const Environment& environment);

/// Runs it, before MPI starts; an empty one does nothing. @returns the exit code
int draw(const std::vector<std::string>& command);

}  // namespace kronwerk::application
