#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "application/blas_check.hpp"
#include "application/commands.hpp"
#include "application/task.hpp"
#include "application/version.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::application {
namespace {

using configuration::Job;
using configuration::Task;

std::string read_text(const std::string& file) {
  if (!std::filesystem::is_regular_file(file)) {
    throw core::ConfigurationError(fmt::format("{}: {}", file,
                                               std::filesystem::exists(file)
                                                   ? "this is no file; a configuration was expected"
                                                   : "there is no such configuration file"));
  }
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  if (!stream) throw core::ConfigurationError(file + ": the configuration cannot be read");
  return text.str();
}

std::string describe(const Problem& problem) {
  std::vector<std::string> parts;
  for (const auto& [name, info] : problem.data) {
    parts.push_back(fmt::format(
        "{}: {}{}", name, core::to_text(info.shape),
        info.sparse ? fmt::format(" sparse, {} stored", core::format_count(info.stored)) : ""));
  }
  return core::join(parts, "; ");
}

void run_task(TaskContext& context) {
  switch (context.job().task) {
    case Task::apply:
      return run_apply(context);
    case Task::solve:
      return run_solve(context);
    case Task::logdet:
      return run_logdet(context);
    case Task::assemble:
      return run_assemble(context);
  }
}

/// Turns the formula and its derivatives into products of factors.
void lower(TaskContext& context) {
  const Problem& problem = context.problem;
  context.stages.run("load", [&] {
    context.products = context.data.lowering().lower(problem.sum);
    for (const auto& [name, derivative] : problem.derivatives) {
      context.derivatives[name] = context.data.lowering().lower(derivative);
    }
  });
  context.stages.report("load", describe(problem));
}

void print_summary(const TaskContext& context, const JobClock& clock) {
  Stages& stages = context.stages;
  const double seconds = context.comm.max(MPI_Wtime() - clock.start_seconds);
  for (const std::string& line : context.report.lines()) stages.print(line);
  stages.print(fmt::format("written to  {} ({} in all)", context.job().output.file,
                           core::format_seconds(seconds)));
}

void check_converged(const TaskContext& context) {
  if (context.failure.empty()) return;
  throw core::ConvergenceError(fmt::format(
      "the Krylov solver did not reach the tolerance {:g} ({}; max_iterations {}); the last "
      "iterate "
      "was written to {} with converged = 0. Raise solver.max_iterations, lower the demand, or use "
      "solver.method: direct",
      context.job().solver.tolerance, context.failure, context.job().solver.max_iterations,
      context.job().output.file));
}

}  // namespace

Job load_job(const communication::Communicator& comm, const CommandLine& line) {
  std::string text;
  communication::on_root(comm, [&] { text = read_text(line.file); });
  text = comm.broadcast(std::move(text));
  return configuration::parse_job(text, line.file, line.overrides);
}

void run_job(const communication::Communicator& comm, const Job& job, bool quiet) {
  const JobClock clock = start_clock();
  Stages stages(comm, quiet);
  for (const std::string& warning : job.warnings) stages.warn(warning);
  communication::collectively(comm, [&] { prepare_blas(job.blas_threads); });
  stages.print(fmt::format("kronwerk {}: {} on {} {}, {} {}", version(),
                           configuration::task_name(job.task), comm.size(),
                           comm.size() == 1 ? "rank" : "ranks", comm.node_count(),
                           comm.node_count() == 1 ? "node" : "nodes"));
  Problem problem;
  stages.run("analyse", [&] {
    problem = analyse_problem(comm, job);
    const core::Index count = count_inputs(comm, problem);
    check_memory(comm, estimate_memory(problem, count, comm.size(), comm.node_count()));
  });
  stages.report("analyse", problem.sum.text());

  io::ResultFile file(comm, job.output.file, job.output.overwrite);
  Report report;
  std::optional<OperatorData> loaded;
  stages.run("load", [&] { loaded.emplace(comm, problem); });
  OperatorData& data = *loaded;
  TaskContext context{.comm = comm,
                      .problem = problem,
                      .stages = stages,
                      .report = report,
                      .file = file,
                      .data = data,
                      .builder = {comm, std::make_shared<operators::Workspace>(comm), data},
                      .products = {},
                      .derivatives = {}};
  lower(context);
  run_task(context);
  stages.run("write", [&] {
    write_report(comm, file, job, stages, report, clock);
    file.commit();
  });
  stages.report("write", job.output.file);
  print_summary(context, clock);
  check_converged(context);
}

}  // namespace kronwerk::application
