// `kronwerk run`; declared in commands.hpp.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "application/command_line/commands.hpp"
#include "application/command_line/version.hpp"
#include "application/inputs/problem.hpp"
#include "application/inputs/used_names.hpp"
#include "application/restart/output_check.hpp"
#include "application/session/blas_check.hpp"
#include "application/session/job_families.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/io/files/suggest_file.hpp"

namespace kronwerk::application {
namespace {

using configuration::Job;

std::string read_text(const std::string& file) {
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (!std::filesystem::is_regular_file(status)) {
    const bool absent = status.type() == std::filesystem::file_type::not_found;
    const bool exists = std::filesystem::exists(status);
    throw core::ConfigurationError(fmt::format("{}: {}{}", file,
                                               exists
                                                   ? "this is no file; a configuration was expected"
                                                   : "there is no such configuration file",
                                               absent   ? io::suggest_file(file)
                                               : exists ? std::string()
                                                        : fmt::format(" ({})", error.message())));
  }
  const auto size = std::filesystem::file_size(file);
  if (size > configuration::longest_configuration) {
    throw core::ConfigurationError(
        fmt::format("{}: has {}; a configuration has at most {}. Data belong into HDF5 files", file,
                    core::format_bytes(static_cast<double>(size)),
                    core::format_bytes(static_cast<double>(configuration::longest_configuration))));
  }
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  if (!stream) throw core::ConfigurationError(file + ": the configuration cannot be read");
  return text.str();
}

/// Both as one quoted YAML text.
std::string quote_options(const std::string& configured, const std::vector<std::string>& more) {
  std::string all = configured;
  for (const std::string& word : more) {
    if (word.empty() || word.find_first_of(" \t\n") != std::string::npos) {
      throw core::ConfigurationError(
          fmt::format("command line: PETSc's options may hold no white space; found '{}'", word));
    }
    all += (all.empty() ? "" : " ") + word;
  }
  std::string quoted = "\"";
  for (const char letter : all) {
    if (letter == '"' || letter == '\\') quoted += '\\';
    quoted += letter;
  }
  return quoted + '"';
}

}  // namespace

Job load_job(const communication::Communicator& comm, const CommandLine& line) {
  std::string text;
  communication::on_root(comm, [&] { text = read_text(line.file); });
  text = comm.broadcast(std::move(text));
  Job job = configuration::parse_job(text, line.file, line.overrides);
  if (!line.petsc_options.empty()) {
    // They belong to the configuration that the result keeps, so that it repeats the run.
    std::vector<std::string> overrides = line.overrides;
    overrides.push_back("petsc=" + quote_options(job.petsc_options, line.petsc_options));
    job = configuration::parse_job(text, line.file, overrides);
  }
  check_output(comm, job);
  check_log(comm, job, line.log);
  read_parameter_file(comm, job);
  drop_unused(job);
  return job;
}

void run_job(const communication::Communicator& comm, const Job& job, bool quiet, JobClock clock) {
  clock.started = now_text();
  Stages stages(comm, quiet, clock.first_of_process);
  for (const std::string& warning : job.warnings) stages.warn(warning);
  communication::collectively(comm, [&] { prepare_blas(job.blas_threads); });
  stages.print(fmt::format("kronwerk {}: {} on {} {}, {} {}", version(),
                           configuration::task_name(job.task), comm.size(),
                           comm.size() == 1 ? "rank" : "ranks", comm.node_count(),
                           comm.node_count() == 1 ? "node" : "nodes"));
  Checkpoint checkpoint(comm, job, stages);
  family_of(job).run({comm, job, stages, clock, checkpoint});
}

}  // namespace kronwerk::application
