#pragma once

#include <functional>
#include <optional>
#include <string>

namespace kronwerk::application {

/// A process of this machine, as proc(5) has it.
struct ProcessAge {
  std::string name;  ///< of its program, at most 15 letters
  std::string parent;
  double seconds = 0;  ///< since it began
};

/// By its number, or "self"; nothing where the kernel does not say.
using FindProcess = std::function<std::optional<ProcessAge>(const std::string& number)>;
std::optional<ProcessAge> find_process(const std::string& number);

/// Seconds since this process began; 0 where the kernel does not say.
double own_age(const FindProcess& find = find_process);

/// How much earlier what started the ranks began: mpirun, and `kronwerk run -n` before it. 0 if
/// this process was started by anything else.
double launch_seconds(const FindProcess& find = find_process);

}  // namespace kronwerk::application
