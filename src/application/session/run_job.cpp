#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "application/command_line/commands.hpp"
#include "application/command_line/version.hpp"
#include "application/gaussian/fit_checkpoint.hpp"
#include "application/gaussian/gaussian_job.hpp"
#include "application/inputs/id_check.hpp"
#include "application/inputs/orientation.hpp"
#include "application/inputs/output_check.hpp"
#include "application/kernels/kernel_system.hpp"
#include "application/kernels/reduce_task.hpp"
#include "application/session/blas_check.hpp"
#include "application/tasks/project_task.hpp"
#include "application/tasks/sweep.hpp"
#include "application/tasks/task.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::application {
namespace {

using configuration::Job;
using configuration::Task;

std::string read_text(const std::string& file) {
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (!std::filesystem::is_regular_file(status)) {
    const bool absent = status.type() == std::filesystem::file_type::not_found;
    const bool exists = std::filesystem::exists(status);
    throw core::ConfigurationError(
        fmt::format("{}: {}{}", file,
                    exists ? "this is no file; a configuration was expected"
                           : "there is no such configuration file",
                    absent || exists ? std::string() : fmt::format(" ({})", error.message())));
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
    case Task::trace:
      return run_trace(context);
    case Task::diagonal:
      return run_diagonal(context);
    case Task::eigenvalues:
      return run_eigenvalues(context);
    case Task::expm:
      return run_expm(context);
    case Task::project:
    case Task::logpdf:
    case Task::sample:
    case Task::predict:
    case Task::fit:
    case Task::reduce:
      break;  // has no operator and does not come here
  }
}

/// Turns the formula and its derivatives into products of factors.
void lower(TaskContext& context) {
  const Problem& problem = context.problem;
  context.stages.run("load", [&] {
    for (const std::string& warning : context.data.take_warnings()) context.stages.warn(warning);
    context.products = context.data.lowering().lower(problem.sum);
    for (const auto& [name, derivative] : problem.derivatives) {
      context.derivatives[name] = context.data.lowering().lower(derivative);
    }
  });
  context.stages.report("load", describe(problem));
}

/// Writes the report, gives the result its name and prints the summary.
void close_job(const communication::Communicator& comm, const Job& job, Stages& stages,
               const Report& report, io::ResultFile& file, const JobClock& clock) {
  stages.run("write", [&] {
    write_report(comm, file, job, stages, report, clock);
    file.commit();
  });
  stages.report("write", job.output.file);
  const double seconds = comm.max(MPI_Wtime() - clock.start_seconds);
  for (const std::string& line : report.lines()) stages.print(line);
  stages.print(
      fmt::format("written to  {} ({} in all)", job.output.file, core::format_seconds(seconds)));
}

void check_converged(const Job& job, const std::string& failure) {
  if (failure.empty()) return;
  if (job.task == Task::logdet) {
    throw core::ConvergenceError(fmt::format(
        "{}; what was reached was written to {} with converged = 0. Raise solver.max_iterations "
        "(now {}), or use solver.method: direct",
        failure, job.output.file, job.solver.max_iterations));
  }
  throw core::ConvergenceError(fmt::format(
      "the job did not reach the tolerance {:g} ({}); what was reached was written to {} with "
      "converged = 0. Raise solver.max_iterations (now {}), lower the demand, or use another "
      "solver.method",
      job.solver.tolerance, failure, job.output.file, job.solver.max_iterations));
}

/// Points are differentiated by where the kernel matrix is not stored.
void refuse_point_gradient(const Job& job) {
  if (!job.gradient || job.gradient->points.empty()) return;
  throw core::ConfigurationError(
      fmt::format("{}: 'gradient.points' is for operators of one kernel, c*K + alpha*I, and the "
                  "task solve without a sweep, with kernels.*.storage auto or lazy",
                  job.where(job.gradient->points.front().position)));
}

void run_operator_job(const communication::Communicator& comm, const Job& job, Stages& stages,
                      const JobClock& clock) {
  Problem problem;
  std::optional<KernelSystem> system;
  stages.run("analyse", [&] {
    problem = analyse_problem(comm, job);
    check_ids(comm, problem);
    system = find_kernel_system(problem);
    const core::Index count = count_inputs(comm, problem);
    check_memory(comm, system ? estimate_kernel_memory(problem, *system, count, comm.size(),
                                                       comm.node_count())
                              : estimate_memory(problem, count, comm.size(), comm.node_count()));
    if (!system) refuse_point_gradient(job);
  });
  stages.report("analyse", problem.sum.text());

  io::ResultFile file(comm, job.output.file, job.output.overwrite);
  Report report;
  std::string failure;
  std::optional<OperatorData> loaded;
  if (system) {
    failure = run_kernel_system(comm, problem, *system, stages, report, file);
  } else {
    stages.run("load", [&] { loaded.emplace(comm, problem); });
    for (const auto& text : doubtful_orientations(comm, problem.data, loaded->matrices())) {
      stages.warn(text);
    }
    failure = compute_result(comm, problem, stages, report, file, *loaded,
                             std::make_shared<operators::Workspace>(comm));
  }
  close_job(comm, job, stages, report, file, clock);
  check_converged(job, failure);
}

void run_projection_job(const communication::Communicator& comm, const Job& job, Stages& stages,
                        const JobClock& clock) {
  ProjectionInput input;
  stages.run("analyse", [&] {
    input = examine_projection(comm, job, comm.size());
    check_memory(comm, estimate_projection_memory(job, input, comm.size(), comm.node_count()));
  });
  stages.report("analyse", input.text());
  io::ResultFile file(comm, job.output.file, job.output.overwrite);
  Report report;
  const std::string failure = run_project(comm, job, input, stages, report, file);
  close_job(comm, job, stages, report, file, clock);
  if (failure.empty()) return;
  throw core::ConvergenceError(
      fmt::format("{} to the tolerance {:g} within {} steps; the last factors were written to {} "
                  "with converged = 0. Raise solver.max_iterations or solver.tolerance",
                  failure, job.solver.tolerance, job.solver.max_iterations, job.output.file));
}

}  // namespace

namespace {

void run_gaussian_job(const communication::Communicator& comm, const Job& job, Stages& stages,
                      const JobClock& clock) {
  io::ResultFile file(comm, job.output.file, job.output.overwrite);
  Report report;
  const std::string failure = run_gaussian(comm, job, stages, report, file);
  close_job(comm, job, stages, report, file, clock);
  if (job.task == Task::fit) FitCheckpoint::remove(comm, job);
  if (!failure.empty()) throw core::ConvergenceError(failure);
}

void run_reduce_job(const communication::Communicator& comm, const Job& job, Stages& stages,
                    const JobClock& clock) {
  io::ResultFile file(comm, job.output.file, job.output.overwrite);
  Report report;
  run_reduce(comm, job, stages, report, file);
  close_job(comm, job, stages, report, file, clock);
}

}  // namespace

std::string compute_result(const communication::Communicator& comm, const Problem& problem,
                           Stages& stages, Report& report, io::ResultFile& file, OperatorData& data,
                           std::shared_ptr<operators::Workspace> workspace) {
  TaskContext context{.comm = comm,
                      .problem = problem,
                      .stages = stages,
                      .report = report,
                      .file = file,
                      .data = data,
                      .builder = {comm, std::move(workspace), data},
                      .products = {},
                      .derivatives = {}};
  context.stages.run("load", [&] { data.add_kernels(problem); });
  lower(context);
  run_task(context);
  return context.failure;
}

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
  read_parameter_file(comm, job);
  return job;
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
  if (job.task == Task::project) {
    run_projection_job(comm, job, stages, clock);
  } else if (job.task == Task::reduce) {
    run_reduce_job(comm, job, stages, clock);
  } else if (configuration::is_gaussian(job.task)) {
    run_gaussian_job(comm, job, stages, clock);
  } else if (!job.sweep.empty()) {
    refuse_point_gradient(job);
    run_sweep(comm, job, stages, clock);
  } else {
    run_operator_job(comm, job, stages, clock);
  }
}

}  // namespace kronwerk::application
