// `kronwerk plan`; declared in commands.hpp.
#include <fmt/format.h>

#include <cstdio>
#include <optional>

#include "application/command_line/commands.hpp"
#include "application/command_line/json_text.hpp"
#include "application/command_line/terminal.hpp"
#include "application/forecast/predict_times.hpp"
#include "application/session/job_families.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/factors/base/distributed_libraries.hpp"

namespace kronwerk::application {
namespace {

void add_memory(const methods::MemoryNeeds& needs, Plan::Lines& lines) {
  lines.emplace_back(
      "memory", fmt::format("{} per rank ({} of vectors), {} per node ({} of factors, estimated)",
                            core::format_bytes(needs.bytes_per_rank()),
                            core::format_bytes(needs.vector_bytes_per_rank),
                            core::format_bytes(needs.bytes_per_node()),
                            core::format_bytes(needs.factor_bytes_per_node)));
  const methods::MemoryLimits limits = methods::read_memory_limits();
  const std::string shortage = explain_shortage(needs, limits);
  lines.emplace_back(
      "fits",
      shortage.empty()
          ? fmt::format("yes, on nodes like this one ({} free, {} in /dev/shm)",
                        core::format_bytes(limits.bytes), core::format_bytes(limits.shared_bytes))
          : "no: " + shortage);
}

Plan::Lines lines_of(const configuration::Job& job, const Plan& plan) {
  Plan::Lines lines{{"task", configuration::task_name(job.task)}};
  lines.insert(lines.end(), plan.subject.begin(), plan.subject.end());
  const methods::MemoryNeeds& needs = plan.needs;
  lines.emplace_back("ranks", fmt::format("{} on {} {}", needs.ranks, needs.nodes,
                                          needs.nodes == 1 ? "node" : "nodes"));
  lines.insert(lines.end(), plan.method.begin(), plan.method.end());
  if (!factors::has_scalapack()) {
    lines.emplace_back("without",
                       "ScaLAPACK: each dense decomposition is computed by one rank (LAPACK)");
  } else if (!factors::has_elpa()) {
    lines.emplace_back("without", "ELPA: eigenvalues of large matrices are computed by ScaLAPACK");
  }
  add_memory(needs, lines);
  return lines;
}

/// {"plan": …, "bytes_per_rank": …}: the lines, and the numbers behind them.
std::string json_of(const Plan::Lines& lines, const methods::MemoryNeeds& needs) {
  const std::vector<std::pair<std::string, std::string>> members{
      {"plan", json_lines(lines)},
      {"ranks", std::to_string(needs.ranks)},
      {"nodes", std::to_string(needs.nodes)},
      {"bytes_per_rank", json_number(needs.bytes_per_rank())},
      {"bytes_per_node", json_number(needs.bytes_per_node())},
      {"fits", explain_shortage(needs, methods::read_memory_limits()).empty() ? "true" : "false"}};
  return json_object(members);
}

void print_plan(const configuration::Job& job, const Plan& plan) {
  for (const std::string& warning : job.warnings) {
    std::fputs(fmt::format("kronwerk: warning: {}\n", warning).c_str(), stderr);
  }
  const Plan::Lines lines = lines_of(job, plan);
  if (output_style() == OutputStyle::json) return print_now(json_of(lines, plan.needs) + "\n");
  for (const auto& [name, text] : lines) print_now(fmt::format("{:<12}{}\n", name, text));
}

}  // namespace

void plan_job(const communication::Communicator& comm, const configuration::Job& job,
              const CommandLine& line) {
  const int nodes = line.nodes.value_or(comm.node_count());
  const int ranks = line.ranks.empty() ? std::max(comm.size(), nodes) : line.ranks.front();
  if (line.ranks.size() > 1 && line.machine.empty()) {
    throw core::ConfigurationError(
        "command line: several numbers of ranks are compared by their times, which need "
        "'--machine FILE'; 'kronwerk measure --output FILE' writes one");
  }
  if (nodes > ranks) {
    throw core::ConfigurationError(
        fmt::format("--nodes {}: more nodes than the {} ranks", nodes, ranks));
  }
  std::optional<configuration::Machine> machine;
  if (!line.machine.empty()) machine = read_machine(comm, line.machine);
  const PlanRequest request{comm, job, ranks, nodes};
  if (!line.csv) {
    const Plan plan = family_of(job).plan(request);
    communication::on_root(comm, [&] { print_plan(job, plan); });
  }
  if (machine) predict_times(request, line, *machine);
}

}  // namespace kronwerk::application
