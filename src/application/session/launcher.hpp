#pragma once

#include <optional>
#include <string>
#include <vector>

#include "application/session/start_check.hpp"

namespace kronwerk::application {

/// The command that starts the ranks that `kronwerk run -n RANKS …` asks for: that of the variable
/// KRONWERK_MPIRUN, else mpirun, then this program with the other arguments. Absent if none are
/// asked for, or if this is one of the ranks.
/// @param program  the file of this program
/// @throws ConfigurationError for what is no number of ranks
std::optional<std::vector<std::string>> launch_command(int argc, char** argv,
                                                       const std::string& program,
                                                       const Environment& environment);

/// Takes out of mpirun's messages those that say nothing but that a rank has failed, which has said
/// why itself.
class LauncherMessages {
 public:
  /// @returns what of `text`, and of what was kept back, is to be printed now
  std::string take(const std::string& text);
  /// What is left at the end.
  std::string rest();

 private:
  void take_line(const std::string& line, std::string& out);

  std::string unfinished_;  ///< a line
  std::string block_;       ///< between two rules
  bool within_ = false;
};

/// Runs a command and hands SIGINT and SIGTERM on to it. @returns its exit code
/// @param advice  where the command cannot be started
int launch(const std::vector<std::string>& command,
           const std::string& advice = "KRONWERK_MPIRUN names the command that starts ranks here");

}  // namespace kronwerk::application
