#pragma once

#include <CLI/CLI.hpp>

#include "application/command_line/command_line.hpp"

namespace kronwerk::application {

/// Adds `export` with one subcommand per kind; parsing sets line.command and line.exporting.
void add_export_command(CLI::App& program, CommandLine& line);

}  // namespace kronwerk::application
