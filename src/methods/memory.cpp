#include "kronwerk/methods/memory.hpp"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include "kronwerk/core/text.hpp"

namespace kronwerk::methods {
namespace {

constexpr double unlimited = std::numeric_limits<double>::infinity();

double read_number(const std::filesystem::path& file) {
  std::ifstream stream(file);
  double value = 0;
  return stream >> value ? value : unlimited;  // "max" is no number
}

/// What a control group and all above it leave: limit minus usage.
double control_group_room(const std::filesystem::path& root, std::filesystem::path group,
                          const char* limit, const char* usage) {
  double room = unlimited;
  while (true) {
    const auto directory = root / group.relative_path();
    const double most = read_number(directory / limit);
    const double used = read_number(directory / usage);
    // Version 1 writes "no limit" as a number near 2^63.
    if (most < 1e18 && used < unlimited) room = std::min(room, std::max(0.0, most - used));
    if (!group.has_relative_path()) return room;
    group = group.parent_path();
  }
}

double control_groups_room() {
  std::ifstream groups("/proc/self/cgroup");
  double room = unlimited;
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    if (controllers.empty()) {
      room = std::min(room,
                      control_group_room("/sys/fs/cgroup", group, "memory.max", "memory.current"));
    } else if (controllers.find("memory") != std::string::npos) {
      room = std::min(room, control_group_room("/sys/fs/cgroup/memory", group,
                                               "memory.limit_in_bytes", "memory.usage_in_bytes"));
    }
  }
  return room;
}

double available_memory() {
  std::ifstream information("/proc/meminfo");
  for (std::string line; std::getline(information, line);) {
    std::istringstream words(line);
    std::string name;
    double kilobytes = 0;
    if (words >> name >> kilobytes && name == "MemAvailable:") return kilobytes * 1024;
  }
  return unlimited;
}

}  // namespace

MemoryLimits read_memory_limits() {
  MemoryLimits limits;
  limits.bytes = std::min(available_memory(), control_groups_room());
  struct statvfs information = {};
  limits.shared_bytes =
      statvfs("/dev/shm", &information) == 0
          ? static_cast<double>(information.f_bavail) * static_cast<double>(information.f_frsize)
          : 0;
  return limits;
}

std::string explain_shortage(const MemoryNeeds& needs, const MemoryLimits& limits) {
  const bool shared_short =
      needs.ranks_per_node() > 1 && needs.factor_bytes_per_node > limits.shared_bytes;
  if (needs.bytes_per_node() <= limits.bytes && !shared_short) return "";
  std::string text = fmt::format(
      "the job does not fit: it needs {} per rank and {} per node ({} of vectors per rank, {} of "
      "factors per node, {} ranks per node)",
      core::format_bytes(needs.bytes_per_rank()), core::format_bytes(needs.bytes_per_node()),
      core::format_bytes(needs.vector_bytes_per_rank),
      core::format_bytes(needs.factor_bytes_per_node), needs.ranks_per_node());
  if (shared_short) {
    return text + fmt::format(
                      "; /dev/shm has {} free for the factors: enlarge it, or run one rank per "
                      "node",
                      core::format_bytes(limits.shared_bytes));
  }
  text += fmt::format("; this node has {} free", core::format_bytes(limits.bytes));
  const double room = limits.bytes - needs.factor_bytes_per_node - base_bytes_per_rank;
  if (room <= 0) return text + ", less than the factors alone need";
  const double all_vectors = needs.vector_bytes_per_rank * needs.ranks;
  const double nodes = std::ceil(all_vectors / room);
  const double room_per_rank = limits.bytes - needs.factor_bytes_per_node -
                               needs.base_bytes_per_rank * needs.ranks_per_node();
  if (room_per_rank > 0) {
    const double enough = std::ceil(all_vectors / room_per_rank);
    return text + fmt::format("; {:.0f} such nodes with {} ranks each ({:.0f} ranks) would do",
                              enough, needs.ranks_per_node(), enough * needs.ranks_per_node());
  }
  return text +
         fmt::format("; {:.0f} such nodes with one rank each would do", std::max(1.0, nodes));
}

void check_memory(const communication::Communicator& comm, MemoryNeeds needs) {
  needs.ranks_here = comm.node().size();
  communication::collectively(comm, [&] {
    const std::string shortage = explain_shortage(needs, read_memory_limits());
    if (!shortage.empty()) throw core::ResourceError(shortage);
  });
}

}  // namespace kronwerk::methods
