#include "application/command_line/plot_command.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <string_view>

#include "application/command_line/command_line.hpp"
#include "application/command_line/shared_files.hpp"
#include "application/session/launcher.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::application {

std::string plot_script() {
  const auto [script, installed] = find_shared("plot.py", "jobs/plot.py");
  if (!script.empty()) return script;
  throw core::ConfigurationError(fmt::format(
      "plot: what draws is not at {}; install kronwerk with it (cmake --install, or its package)",
      installed));
}

std::optional<std::vector<std::string>> plot_command(int argc, char** argv,
                                                     const std::string& script,
                                                     const Environment& environment) {
  if (parse_command_line(argc, argv).command != Command::plot) return std::nullopt;
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMI_RANK"}) {
    const char* rank = environment(name);
    if (rank != nullptr && std::string_view(rank) != "0") return std::vector<std::string>();
  }
  const char* const given = environment("KRONWERK_PYTHON");
  std::vector<std::string> command{given != nullptr && *given != '\0' ? given : "python3", script};
  command.insert(command.end(), argv + 2, argv + argc);
  return command;
}

int draw(const std::vector<std::string>& command) {
  if (command.empty()) return 0;
  const int code = launch(command,
                          "pictures take Python (apt install python3-h5py python3-matplotlib "
                          "python3-pil python3-yaml), and KRONWERK_PYTHON names the one");
  constexpr int by_signal = 128, interrupted = 130, terminated = 143;
  if (code <= by_signal || code == interrupted || code == terminated) return code;
  std::fputs(fmt::format("kronwerk: plot: {} was ended by signal {}, as it is where HDF5's library "
                         "meets a damaged file; 'kronwerk show' says what can be read of it\n",
                         command.front(), code - by_signal)
                 .c_str(),
             stderr);
  return static_cast<int>(core::ExitCode::configuration);
}

}  // namespace kronwerk::application
