#include "application/report/process_age.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <fstream>
#include <sstream>
#include <vector>

namespace kronwerk::application {

std::optional<ProcessAge> find_process(const std::string& number) {
  std::ifstream file("/proc/" + number + "/stat");
  std::string text;
  std::getline(file, text);
  // Field 2, the program's name in parentheses, may hold anything.
  const std::size_t begin = text.find('('), end = text.rfind(')');
  timespec now{};
  if (begin == std::string::npos || end == std::string::npos) return std::nullopt;
  if (clock_gettime(CLOCK_BOOTTIME, &now) != 0) return std::nullopt;
  std::istringstream rest(text.substr(end + 1));
  std::vector<std::string> fields;  // from the third on
  for (std::string field; rest >> field;) fields.push_back(std::move(field));
  constexpr std::size_t parent = 4 - 3, began = 22 - 3;
  if (fields.size() <= began) return std::nullopt;
  const double ticks = std::strtod(fields[began].c_str(), nullptr);
  const double age = static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec) -
                     ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
  return ProcessAge{text.substr(begin + 1, end - begin - 1), fields[parent], std::max(0.0, age)};
}

double own_age(const FindProcess& find) {
  const auto self = find("self");
  return self ? self->seconds : 0;
}

double launch_seconds(const FindProcess& find) {
  static constexpr std::array launchers{"mpirun", "mpiexec", "orterun",       "orted",
                                        "prted",  "prterun", "mpiexec.hydra", "hydra_pmi_proxy"};
  const auto self = find("self");
  const auto launcher = self ? find(self->parent) : std::nullopt;
  if (!launcher || std::ranges::find(launchers, launcher->name) == launchers.end()) return 0;
  const auto before = find(launcher->parent);
  const auto& first = before && before->name == self->name ? *before : *launcher;
  return std::max(0.0, first.seconds - self->seconds);
}

}  // namespace kronwerk::application
