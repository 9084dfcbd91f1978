#include "application/session/start_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>
#include <vector>

#include "application/report/placement.hpp"
#include "kronwerk/core/digest.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::application {
namespace {

/// A launcher and the variables that it sets for what it starts.
struct Launcher {
  const char* name;
  const char* size;
  const char* rank;
};

constexpr Launcher launchers[] = {
    {"Open MPI's mpirun", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"},
    {"a launcher that speaks PMI (of MPICH, Intel MPI or Slurm)", "PMI_SIZE", "PMI_RANK"},
    // Innermost last: what srun starts may be a launcher of its own.
    {"Slurm's srun", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID"},
};

/// The number that a variable holds; -1 if none.
int number(const Environment& environment, const char* name) {
  const char* text = environment(name);
  if (text == nullptr || *text == '\0') return -1;
  char* end = nullptr;
  const long value = std::strtol(text, &end, 10);
  return *end == '\0' && value >= 0 && value < 1 << 30 ? static_cast<int>(value) : -1;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// What each host runs, without the lines that all have in common.
std::string describe_differences(const std::vector<std::string>& texts,
                                 const std::vector<std::string>& hosts) {
  std::map<std::string, std::size_t> count;
  for (const std::string& text : texts) {
    for (const std::string& line : lines_of(text)) ++count[line];
  }
  std::map<std::string, std::set<std::string>> hosts_of;
  for (std::size_t rank = 0; rank < texts.size(); ++rank) {
    std::vector<std::string> own;
    for (const std::string& line : lines_of(texts[rank])) {
      if (count[line] < texts.size()) own.push_back(line);
    }
    hosts_of[core::join(own, ", ")].insert(hosts[rank]);
  }
  std::vector<std::string> parts;
  for (const auto& [program, where] : hosts_of) {
    parts.push_back(
        fmt::format("{} on {}", program,
                    core::join(std::vector<std::string>(where.begin(), where.end()), ", ")));
  }
  return core::join(parts, "; ");
}

}  // namespace

ForeignStart find_foreign_start(int ranks, const Environment& environment) {
  if (ranks != 1) return {"", true};
  for (const Launcher& launcher : launchers) {
    const int size = number(environment, launcher.size);
    if (size == 1) return {"", true};
    if (size < 1) continue;
    // Slurm's batch script has the number of its step's tasks too, but is no task.
    if (launcher.size == std::string("SLURM_STEP_NUM_TASKS") &&
        number(environment, "SLURM_STEP_ID") < 0 && number(environment, "SLURM_STEPID") < 0) {
      continue;
    }
    const int rank = number(environment, launcher.rank);
    return {fmt::format("started as {} copies of one rank each: {} ({}={}) does not know this "
                        "program's MPI ({}); start it with the mpirun of that MPI, or with srun "
                        "--mpi=pmix or --mpi=pmi2, whichever that MPI speaks",
                        size, launcher.name, launcher.size, size, mpi_version()),
            rank <= 0};
  }
  return {"", true};
}

void check_same_program(const communication::Communicator& comm, const std::string& own) {
  // Half of it, so that it is exact as a positive integer.
  const auto digest = static_cast<core::Index>(core::digest(own) >> 1);
  if (comm.min(digest) == comm.max(digest)) return;
  const std::vector<std::string> texts = gather_texts(comm, own);
  const std::vector<std::string> hosts = gather_texts(comm, host_name());
  std::string found;
  if (comm.is_root()) found = describe_differences(texts, hosts);
  found = comm.broadcast(std::move(found));
  throw core::ConfigurationError(fmt::format(
      "the hosts run different programs ({}); install the same kronwerk with the same libraries on "
      "all of them, or one that all of them see",
      found));
}

}  // namespace kronwerk::application
