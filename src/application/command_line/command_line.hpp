#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kronwerk/io/export/export.hpp"
#include "kronwerk/io/import/import.hpp"

namespace CLI {
class App;
}

namespace kronwerk::application {

enum class Command { nothing, run, plan, measure, check, import, exporting, show, plot };

/// What the user asked for.
struct CommandLine {
  Command command = Command::nothing;
  std::string text;  ///< of --help, --version, `help` or `new`, to be printed
  std::string file;  ///< the configuration, or the file to show
  std::vector<std::string> overrides;
  bool quiet = false;
  std::string log;    ///< what is printed is added to this file too; empty: none
  bool json = false;  ///< objects instead of lines
  std::vector<std::string> petsc_options;
  std::vector<int> ranks;  ///< that a plan is for; none: those that run
  std::optional<int> nodes;
  std::optional<int> threads;  ///< of BLAS, per rank; in predictions
  std::string machine;         ///< the machine file, from which times are predicted
  bool csv = false;            ///< predictions alone, as CSV
  std::string folder = ".";    ///< where `check` writes files and removes them
  std::string output;          ///< where `measure` writes; empty: to standard output
  /// Runs the importer that was asked for; serial.
  std::function<io::ImportSummary()> import;
  /// Likewise the exporter.
  std::function<io::ExportSummary()> exporting;
};

/// All commands with their options, whose values go to `line`, which must outlive `program`.
void add_commands(CLI::App& program, CommandLine& line);

/// @throws ConfigurationError for everything that is wrong on the command line
CommandLine parse_command_line(int argc, char** argv);

}  // namespace kronwerk::application
