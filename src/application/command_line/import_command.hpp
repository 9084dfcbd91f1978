#pragma once

#include <CLI/CLI.hpp>

#include "application/command_line/command_line.hpp"

namespace kronwerk::application {

/// Adds `import` with one subcommand per kind; parsing sets line.command and line.import.
void add_import_command(CLI::App& program, CommandLine& line);

}  // namespace kronwerk::application
