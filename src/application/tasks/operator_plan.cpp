#include <fmt/format.h>

#include <cstdio>

#include "application/command_line/commands.hpp"
#include "application/command_line/terminal.hpp"
#include "application/determinants/log_determinant.hpp"
#include "application/gaussian/gaussian_job.hpp"
#include "application/inputs/id_check.hpp"
#include "application/kernels/kernel_system.hpp"
#include "application/kernels/reduce_problem.hpp"
#include "application/methods/memory.hpp"
#include "application/tasks/project_task.hpp"
#include "application/tasks/sweep.hpp"
#include "application/tasks/task.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/distribution/layout.hpp"

namespace kronwerk::application {
namespace {

using configuration::Task;
using core::Index;

void put(const std::string& name, const std::string& text) {
  print_now(fmt::format("{:<12}{}\n", name, text));
}

void print_layout(const Problem& problem, const MemoryNeeds& needs) {
  const auto estimate = estimate_operator(problem, needs);
  core::Extents grid = problem.sum.col_extents;
  if (needs.batch > 1) grid.insert(grid.begin(), needs.batch);
  const distribution::Layout layout(grid, estimate.leading_modes, needs.ranks);
  put("split", fmt::format("leading {} modes (M = {}), trailing {} modes (T = {}){}",
                           estimate.leading_modes, core::format_count(layout.leading()),
                           grid.size() - static_cast<std::size_t>(estimate.leading_modes),
                           core::format_count(layout.trailing()),
                           needs.batch > 1 ? "; the first mode is the block of vectors" : ""));
  const bool iterates = needs.method == MethodKind::krylov;
  const char* unit = iterates ? "per application of the operator" : "per block";
  put("exchanges", fmt::format("{} {}, about {} leaving the busiest rank", estimate.exchanges, unit,
                               core::format_bytes(estimate.exchanged_bytes_per_rank)));
  put("flops", fmt::format("{:.3g} {} on the busiest rank", estimate.flops_busiest_rank, unit));
  const Index idle = layout.home().size() < needs.ranks ? needs.ranks - layout.home().size() : 0;
  if (idle > 0) {
    put("idle", fmt::format("{} of {} ranks own nothing in the home layout", idle, needs.ranks));
  }
}

void print_memory(const MemoryNeeds& needs) {
  put("memory", fmt::format("{} per rank ({} of vectors), {} per node ({} of factors, estimated)",
                            core::format_bytes(needs.bytes_per_rank()),
                            core::format_bytes(needs.vector_bytes_per_rank),
                            core::format_bytes(needs.bytes_per_node()),
                            core::format_bytes(needs.factor_bytes_per_node)));
  const MemoryLimits limits = read_memory_limits();
  const std::string shortage = explain_shortage(needs, limits);
  put("fits",
      shortage.empty()
          ? fmt::format("yes, on nodes like this one ({} free, {} in /dev/shm)",
                        core::format_bytes(limits.bytes), core::format_bytes(limits.shared_bytes))
          : "no: " + shortage);
}

void print_ranks(const MemoryNeeds& needs) {
  put("ranks",
      fmt::format("{} on {} {}", needs.ranks, needs.nodes, needs.nodes == 1 ? "node" : "nodes"));
}

/// What the formula and the sizes say of the method.
std::string method_text(const Problem& problem, Index count, int ranks) {
  const bool one = problem.sum.terms.size() == 1;
  const std::string values = " (unless the matrices' values, which plan does not read, forbid it)";
  switch (problem.job.task) {
    case Task::solve: {
      const Method method = foresee_method(problem, count, ranks, {});
      return method.kind == MethodKind::spectral ? method.why + values : method.why;
    }
    case Task::logdet: {
      const DeterminantChoice choice = foresee_determinant(problem, ranks);
      switch (choice.kind) {
        case DeterminantKind::product:
          return "direct: from the determinants of the factors";
        case DeterminantKind::spectral:
          return "direct: from the eigenvalues" + values;
        case DeterminantKind::dense:
          return "direct: by a factorisation of the whole matrix: " + choice.why;
        case DeterminantKind::estimated:
          return "stochastic Lanczos quadrature: " + choice.why;
      }
      return "";
    }
    case Task::apply:
      return one ? "factor by factor" : "all terms together, factor by factor";
    case Task::trace:
    case Task::diagonal:
      return "from the diagonals of the factors";
    case Task::eigenvalues:
      return "from the eigenvalues of one matrix per mode";
    case Task::expm:
      return "with the exponentials of the factors";
    case Task::assemble:
      return "the transposed operator applied to unit vectors";
    case Task::project:
    case Task::logpdf:
    case Task::sample:
    case Task::predict:
    case Task::fit:
    case Task::reduce:
      break;
  }
  return "";
}

std::string exchanges_text(const Problem& problem, int ranks) {
  const auto kind = problem.job.task == Task::logdet ? foresee_determinant(problem, ranks).kind
                                                     : DeterminantKind::product;
  if (kind == DeterminantKind::estimated) return "2 per application, of which a step needs up to 2";
  if (kind == DeterminantKind::dense) return "2 per block of rows of the matrix";
  return "0: the factors alone are needed";
}

void print_plan(const Problem& problem, Index count, const MemoryNeeds& needs) {
  put("task", configuration::task_name(problem.job.task));
  if (!problem.job.sweep.empty()) {
    put("sweep", sweep_text(problem.job) + "; below, the first point");
  }
  put("operator", problem.sum.text());
  put("grid", fmt::format("{} ({} points)", core::to_text(problem.sum.col_extents),
                          core::format_count(core::product(problem.sum.col_extents))));
  if (problem.sum.row_extents != problem.sum.col_extents) {
    put("result grid", fmt::format("{} ({} points)", core::to_text(problem.sum.row_extents),
                                   core::format_count(core::product(problem.sum.row_extents))));
  }
  print_ranks(needs);
  put("method", method_text(problem, count, needs.ranks));
  if (!configuration::works_on_vectors(problem.job.task)) {
    put("exchanges", exchanges_text(problem, needs.ranks));
  } else {
    put("vectors", fmt::format("{} in blocks of {}", core::format_count(count), needs.batch));
    print_layout(problem, needs);
  }
  print_memory(needs);
}

void print_warnings(const configuration::Job& job) {
  for (const std::string& warning : job.warnings) {
    std::fputs(fmt::format("kronwerk: warning: {}\n", warning).c_str(), stderr);
  }
}

void plan_projection_job(const communication::Communicator& comm, const configuration::Job& job,
                         int ranks, int nodes) {
  const ProjectionInput input = examine_projection(comm, job, ranks);
  const MemoryNeeds needs = estimate_projection_memory(job, input, ranks, nodes);
  communication::on_root(comm, [&] {
    print_warnings(job);
    put("task", configuration::task_name(job.task));
    for (const auto& [name, text] : plan_projection(job, input, ranks)) put(name, text);
    print_ranks(needs);
    print_memory(needs);
  });
}

void plan_reduce_job(const communication::Communicator& comm, const configuration::Job& job,
                     int ranks, int nodes) {
  const ReduceProblem problem = analyse_reduce(comm, job);
  const MemoryNeeds needs = estimate_reduce_memory(problem, ranks, nodes);
  const bool over_j = problem.task.over == kernels::axis_j;
  const Index kept = over_j ? problem.rows : problem.columns;
  const Index reduced = over_j ? problem.columns : problem.rows;
  const auto spread =
      kernels::choose_spread(kept, reduced, problem.task.formula.dimension(), ranks);
  communication::on_root(comm, [&] {
    print_warnings(job);
    put("task", configuration::task_name(job.task));
    put("reduction", problem.text());
    put("pairs", core::format_count(kept * reduced));
    print_ranks(needs);
    put("method", problem.sparsity ? "block-sparse: blocks of distant points are left out"
                  : spread == kernels::Spread::kept_axis
                      ? "every rank its own results; blocks of points travel round a ring"
                      : "every rank its own terms of all results, which are then combined");
    print_memory(needs);
  });
}

void plan_gaussian_job(const communication::Communicator& comm, const configuration::Job& job,
                       int ranks, int nodes) {
  const GaussianModel model(comm, job);
  const MemoryNeeds needs = estimate_gaussian_memory(comm, job, model, ranks, nodes);
  communication::on_root(comm, [&] {
    print_warnings(job);
    put("task", configuration::task_name(job.task));
    put("covariance", model.text());
    put("grid", fmt::format("{} ({} cells)", core::to_text(model.extents()),
                            core::format_count(core::product(model.extents()))));
    print_ranks(needs);
    put("method", job.task == Task::sample
                      ? "square roots of the factors, mode by mode"
                      : "eigenvectors of the factors of each mode (Cholesky without noise), kept "
                        "as long as the factors do not change");
    print_memory(needs);
  });
}

void plan_kernel_system(const communication::Communicator& comm, const Problem& problem,
                        const KernelSystem& system, int ranks, int nodes) {
  const MemoryNeeds needs =
      estimate_kernel_memory(problem, system, count_inputs(comm, problem), ranks, nodes);
  const KernelMatrix& kernel = problem.kernels.at(system.kernel);
  communication::on_root(comm, [&] {
    print_warnings(problem.job);
    put("task", configuration::task_name(problem.job.task));
    put("operator", problem.sum.text());
    put("kernel", fmt::format("{} x {} entries, evaluated where they are needed (a stored matrix "
                              "would take {}; storage: stored)",
                              core::format_count(kernel.rows), core::format_count(kernel.cols),
                              core::format_bytes(8.0 * static_cast<double>(kernel.rows) *
                                                 static_cast<double>(kernel.cols))));
    print_ranks(needs);
    if (problem.job.task == Task::solve) {
      put("method",
          "conjugate gradients with a low-rank preconditioner, or a dense factorisation "
          "where that is faster: decided by the points");
    }
    print_memory(needs);
  });
}

}  // namespace

void plan_job(const communication::Communicator& comm, const configuration::Job& job,
              const CommandLine& line) {
  const int nodes = line.nodes.value_or(comm.node_count());
  const int ranks = line.ranks.value_or(std::max(comm.size(), nodes));
  if (nodes > ranks) {
    throw core::ConfigurationError(
        fmt::format("--nodes {}: more nodes than the {} ranks", nodes, ranks));
  }
  if (job.task == Task::project) return plan_projection_job(comm, job, ranks, nodes);
  if (job.task == Task::reduce) return plan_reduce_job(comm, job, ranks, nodes);
  if (configuration::is_gaussian(job.task)) return plan_gaussian_job(comm, job, ranks, nodes);
  const Problem problem = analyse_problem(comm, job);
  check_ids(comm, problem);
  if (const auto system = find_kernel_system(problem)) {
    return plan_kernel_system(comm, problem, *system, ranks, nodes);
  }
  const Index count = count_inputs(comm, problem);
  const MemoryNeeds needs = estimate_memory(problem, count, ranks, nodes);
  communication::on_root(comm, [&] {
    print_warnings(job);
    print_plan(problem, count, needs);
  });
}

}  // namespace kronwerk::application
