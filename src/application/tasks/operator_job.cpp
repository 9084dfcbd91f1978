// Jobs of an operator formula, but for sweeps.
#include "application/tasks/operator_job.hpp"

#include <fmt/format.h>

#include "application/inputs/id_check.hpp"
#include "application/inputs/orientation.hpp"
#include "application/inputs/workload.hpp"
#include "application/kernels/kernel_system.hpp"
#include "application/tasks/sweep.hpp"
#include "application/tasks/task.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::application {
namespace {

using configuration::Job;
using configuration::Task;

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
  switch (context.job.task) {
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
    case Task::graph:
    case Task::logpdf:
    case Task::sample:
    case Task::predict:
    case Task::fit:
    case Task::posterior:
    case Task::effects:
    case Task::reduce:
      break;
  }
  throw core::InternalError("a task without an operator was run as one of an operator");
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

void run_single(const JobRun& run) {
  const communication::Communicator& comm = run.comm;
  Stages& stages = run.stages;
  Problem problem;
  std::optional<KernelSystem> system;
  stages.run("analyse", [&] {
    problem = analyse_problem(comm, run.job);
    check_ids(comm, problem);
    system = find_kernel_system(problem);
    const core::Index count = count_inputs(comm, problem);
    check_memory(comm, system ? estimate_kernel_memory(problem, *system, count, comm.size(),
                                                       comm.node_count())
                              : estimate_memory(problem, workload_of(problem, count), comm.size(),
                                                comm.node_count()));
    if (!system) refuse_point_gradient(run.job);
  });
  stages.report("analyse", problem.sum.text());
  std::optional<ProblemData> data;
  std::shared_ptr<operators::Workspace> workspace;
  const auto load = [&] {
    workspace = std::make_shared<operators::Workspace>(comm);
    data.emplace(comm, problem);
    for (const auto& text : doubtful_orientations(comm, problem.data, data->matrices())) {
      stages.warn(text);
    }
  };
  const std::string failure = write_result(run, [&](const JobContext& context) {
    if (system) return run_kernel_system(context, problem, *system);
    stages.run("load", [&] { data ? data->forget() : load(); });
    return compute_result(context, problem, *data, workspace);
  });
  check_converged(run.job, failure);
}

}  // namespace

void run_operator_job(const JobRun& run) {
  if (run.job.sweep.empty()) return run_single(run);
  refuse_point_gradient(run.job);
  run_sweep(run);
}

std::string compute_result(const JobContext& job, const Problem& problem, ProblemData& data,
                           std::shared_ptr<operators::Workspace> workspace) {
  TaskContext context{job, problem, data, {job.comm, std::move(workspace), data}, {}, {}};
  context.stages.run("load", [&] { data.add_kernels(problem); });
  lower(context);
  run_task(context);
  return context.failure;
}

}  // namespace kronwerk::application
