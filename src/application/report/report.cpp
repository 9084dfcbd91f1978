#include "application/report/report.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <limits>
#include <set>

#include "application/command_line/json_text.hpp"
#include "application/command_line/terminal.hpp"
#include "application/command_line/version.hpp"
#include "application/session/libraries.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::application {
namespace {

double peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024;
}

}  // namespace

void Report::set(const std::string& name, const io::AttributeValue& value) {
  attributes_.emplace_back(name, value);
}

void Statistics::add(std::span<const double> values) {
  for (const double value : values) {
    least_ = count_ == 0 ? value : std::min(least_, value);
    greatest_ = count_ == 0 ? value : std::max(greatest_, value);
    squares_ += value * value;
    ++count_;
  }
}

std::vector<double> Statistics::totals(const communication::Communicator& comm) const {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  return {comm.min(count_ > 0 ? least_ : infinite), comm.max(count_ > 0 ? greatest_ : -infinite),
          comm.sum(squares_), static_cast<double>(comm.sum(count_))};
}

void Statistics::add_totals(const std::vector<double>& totals) {
  least_ = count_ == 0 ? totals.at(0) : std::min(least_, totals.at(0));
  greatest_ = count_ == 0 ? totals.at(1) : std::max(greatest_, totals.at(1));
  squares_ += totals.at(2);
  count_ += static_cast<core::Index>(totals.at(3));
}

std::string Statistics::text(const communication::Communicator& comm) const {
  const std::vector<double> all = totals(comm);
  return fmt::format("min {:.6g}, max {:.6g}, norm {:.10g}", all[0], all[1], std::sqrt(all[2]));
}

void announce_factors(std::span<const expressions::LoweredProduct> products, Stages& stages,
                      Report& report) {
  constexpr double nearly_singular = 1e12;
  std::set<const factors::Factor*> seen;
  if (products.size() != 1) return;
  int mode = 0;
  for (const factors::Chain& chain : products.front().chains) {
    ++mode;
    for (const factors::Link& link : chain) {
      const factors::Factorisation* factorisation = link.factor->factorisation();
      if (factorisation == nullptr) continue;
      const double condition = factorisation->condition();
      report.set(fmt::format("condition_{}", mode), condition);
      report.set(fmt::format("factorisation_{}", mode), factorisation->description());
      if (!seen.insert(link.factor.get()).second) continue;
      const std::string text = fmt::format(
          "{} ({} x {}): {}, condition about {:.2g}", link.factor->name(), link.factor->rows(),
          link.factor->cols(), factorisation->description(), condition);
      if (seen.size() == 1) {
        stages.report("factorise", text);
      } else {
        stages.print(fmt::format("{:24}{}", "", text));
      }
      if (condition > nearly_singular) {
        stages.warn(
            fmt::format("the factor {} ({} x {}) is nearly singular: its condition is about "
                        "{:.1e}, so that the "
                        "result has about {:.0f} right digits",
                        link.factor->name(), link.factor->rows(), link.factor->cols(), condition,
                        std::max(0.0, 16 - std::log10(condition))));
      }
    }
  }
}

std::string now_text() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

void write_report(const communication::Communicator& comm, io::ResultFile& file,
                  const configuration::Job& job, const StageTable& table, const Report& report,
                  const JobClock& clock) {
  for (const auto& [name, value] : report.attributes()) {
    file.write_attribute("/report", name, value);
  }
  const std::size_t elapsed = measure_index("elapsed");
  for (const StageTable::Row& row : table.rows) {
    file.write_attribute("/report", "seconds_" + row.stage, row.of[elapsed].largest);
  }
  const auto peak = static_cast<core::Index>(comm.max(peak_bytes()));
  file.write_attribute("/report", "peak_bytes_per_rank", peak);
  const double seconds = table.total[elapsed].largest;
  // Where the paths in the configuration begin, so that data can be found from the result.
  std::error_code error;
  const auto directory =
      std::filesystem::absolute(job.file, error).parent_path().lexically_normal();
  const std::vector<std::pair<std::string, io::AttributeValue>> root{
      {"configuration", job.text},
      {"configuration_file", job.file},
      {"directory", directory.string()},
      {"kronwerk_version", version()},
      {"git_commit", git_commit()},
      {"petsc_version", petsc_version()},
      {"hdf5_version", io::hdf5_version()},
      {"mpi_version", mpi_version()},
      {"ranks", core::Index{comm.size()}},
      {"processor", processor_name()},
      {"nodes", core::Index{comm.node_count()}},
      {"started", clock.started},
      {"seconds", seconds}};
  for (const auto& [name, value] : root) file.write_attribute("/", name, value);
}

std::string json_of(const Report& report, const StageTable& table) {
  std::vector<std::pair<std::string, std::string>> members;
  for (const auto& [name, value] : report.attributes()) {
    const auto* const text = std::get_if<std::string>(&value);
    const auto* const number = std::get_if<double>(&value);
    const auto* const whole = std::get_if<core::Index>(&value);
    members.emplace_back(name, text != nullptr     ? json_text(*text)
                               : number != nullptr ? json_number(*number)
                               : whole != nullptr  ? std::to_string(*whole)
                                                   : "null");
  }
  const std::size_t elapsed = measure_index("elapsed");
  members.emplace_back("seconds", json_number(table.total[elapsed].largest));
  return "{\"report\": " + json_object(members) + "}";
}

void write_usage(io::ResultFile& file, const StageTable& table, const RepeatTable& repeats,
                 const std::vector<NodePlacement>& nodes, const JobClock& clock) {
  write_table(file, table);
  repeats.write(file);
  if (clock.first_of_process) {
    file.write_attribute("/report", "startup_launch", clock.launch_seconds);
    file.write_attribute("/report", "startup_loading", clock.loading_seconds);
    file.write_attribute("/report", "startup_mpi", clock.mpi_seconds);
    file.write_attribute("/report", "startup_petsc", clock.petsc_seconds);
  }
  std::vector<std::string> hosts, ranks, bindings;
  for (const NodePlacement& node : nodes) {
    hosts.push_back(node.host);
    ranks.push_back(node.ranks);
    bindings.push_back(node.binding);
  }
  file.write_strings("/report/nodes/host", hosts);
  file.write_strings("/report/nodes/ranks", ranks);
  file.write_strings("/report/nodes/binding", bindings);
}

void print_usage(const communication::Communicator& comm, const std::string& target, Stages& stages,
                 const RepeatTable& repeats, const std::vector<NodePlacement>& nodes,
                 const JobClock& clock) {
  constexpr std::size_t most_nodes = 8;
  if (output_style() == OutputStyle::json) {
    return stages.print_object(fmt::format("{{\"written\": {}, \"seconds\": {}}}",
                                           json_text(target), json_number(stages.total_seconds())));
  }
  const StageTable table = stages.table();
  stages.print(fmt::format("written to  {} ({} in all)", target,
                           core::format_seconds(stages.total_seconds())));
  for (const std::string& line : lines_of(table, comm.size())) stages.print(line);
  for (const std::string& line : repeats.lines()) stages.print(line);
  if (clock.first_of_process) {
    const double launch = clock.launch_seconds;
    stages.print(fmt::format(
        "startup     of it {}{} loading the program, {} in MPI, {} in PETSc",
        launch > 0 ? core::format_seconds(launch) + " until the ranks began, " : std::string(),
        core::format_seconds(clock.loading_seconds), core::format_seconds(clock.mpi_seconds),
        core::format_seconds(clock.petsc_seconds)));
  }
  for (std::size_t n = 0; n < std::min(nodes.size(), most_nodes); ++n) {
    stages.print(fmt::format("{:<11} {}: rank {}, binding {}", n == 0 ? "nodes" : "", nodes[n].host,
                             nodes[n].ranks, nodes[n].binding));
  }
  if (nodes.size() > most_nodes) {
    stages.print(
        fmt::format("{:<11} and {} more, in /report/nodes", "", nodes.size() - most_nodes));
  }
}

}  // namespace kronwerk::application
