#pragma once

#include <CLI/CLI.hpp>

#include "application/command_line/command_line.hpp"

namespace kronwerk::application {

/// The file and path of an option's FILE.h5:/path.
/// @throws ConfigurationError for anything else, with the option's name
io::Location parse_target(const std::string& name, const std::string& text);

/// Adds `import` with one subcommand per kind; parsing sets line.command and line.import.
void add_import_command(CLI::App& program, CommandLine& line);

}  // namespace kronwerk::application
