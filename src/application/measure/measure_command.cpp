// `kronwerk measure`; declared in commands.hpp.
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "application/command_line/commands.hpp"
#include "application/command_line/terminal.hpp"
#include "application/command_line/version.hpp"
#include "application/measure/measure.hpp"
#include "application/report/placement.hpp"
#include "application/session/blas_check.hpp"

namespace kronwerk::application {
namespace {

namespace fs = std::filesystem;
using communication::Communicator;

void describe(const Communicator& comm, const JobClock& clock, configuration::Machine& machine) {
  machine.date = now_text();
  machine.version = version();
  machine.commit = git_commit();
  machine.processor = processor_name();
  machine.mpi = mpi_version();
  for (const NodePlacement& node : find_placement(comm)) machine.hosts.push_back(node.host);
  machine.ranks = comm.size();
  machine.nodes = comm.node_count();
  machine.ranks_per_node = comm.max(static_cast<double>(comm.node().size()));
  machine.loading_seconds = comm.max(clock.loading_seconds);
  machine.mpi_start_seconds = comm.max(clock.mpi_seconds);
}

/// Whole or not at all.
void write_text(const std::string& target, const std::string& text) {
  const std::string part = fmt::format("{}.part", target);
  std::ofstream file(part);
  file << text << std::flush;
  const bool written = static_cast<bool>(file);
  const int error = errno;
  file.close();
  if (written && std::rename(part.c_str(), target.c_str()) == 0) return;
  std::remove(part.c_str());
  throw core::ConfigurationError(
      fmt::format("--output {}: the file cannot be written ({})", target, std::strerror(error)));
}

}  // namespace

void measure_machine(const Communicator& comm, const CommandLine& line, const JobClock& clock) {
  communication::collectively(comm, [] { prepare_blas(1); });
  configuration::Machine machine;
  describe(comm, clock, machine);
  const Bench bench(comm);
  measure_first_touch(bench, machine);
  const fs::path folder = fs::path(line.output).parent_path();
  measure_files(bench, folder.empty() ? "." : folder.string(), machine);
  measure_products(bench, machine);
  measure_decompositions(bench, machine);
  measure_memory(bench, machine);
  measure_messages(bench, machine);
  communication::on_root(comm, [&] {
    const std::string text = to_yaml(machine);
    if (line.output.empty()) return print_now(text);
    write_text(line.output, text);
    print_now(fmt::format("{} ({} {} on {} {}, {})\n", line.output, comm.size(),
                          comm.size() == 1 ? "rank" : "ranks", comm.node_count(),
                          comm.node_count() == 1 ? "node" : "nodes", machine.processor));
  });
}

}  // namespace kronwerk::application
