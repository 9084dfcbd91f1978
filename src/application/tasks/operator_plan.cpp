// What `kronwerk plan` says of jobs of an operator formula; declared in operator_job.hpp.
#include <fmt/format.h>

#include "application/determinants/log_determinant.hpp"
#include "application/inputs/id_check.hpp"
#include "application/inputs/workload.hpp"
#include "application/kernels/kernel_system.hpp"
#include "application/tasks/operator_job.hpp"
#include "application/tasks/sweep.hpp"
#include "application/tasks/task.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/distribution/layout.hpp"

namespace kronwerk::application {
namespace {

using configuration::Task;
using core::Index;

void add_layout(const Problem& problem, const methods::MemoryNeeds& needs, Plan::Lines& lines) {
  const auto estimate = estimate_operator(problem, needs);
  core::Extents grid = problem.sum.col_extents;
  if (needs.batch > 1) grid.insert(grid.begin(), needs.batch);
  const distribution::Layout layout(grid, estimate.leading_modes, needs.ranks);
  lines.emplace_back(
      "split", fmt::format("leading {} modes (M = {}), trailing {} modes (T = {}){}",
                           estimate.leading_modes, core::format_count(layout.leading()),
                           grid.size() - static_cast<std::size_t>(estimate.leading_modes),
                           core::format_count(layout.trailing()),
                           needs.batch > 1 ? "; the first mode is the block of vectors" : ""));
  const bool iterates = needs.method == methods::MethodKind::krylov;
  const char* unit = iterates ? "per application of the operator" : "per block";
  lines.emplace_back(
      "exchanges", fmt::format("{} {}, about {} leaving the busiest rank", estimate.exchanges, unit,
                               core::format_bytes(estimate.exchanged_bytes_per_rank)));
  lines.emplace_back(
      "flops", fmt::format("{:.3g} {} on the busiest rank", estimate.flops_busiest_rank, unit));
  const Index idle = layout.home().size() < needs.ranks ? needs.ranks - layout.home().size() : 0;
  if (idle > 0) {
    lines.emplace_back(
        "idle", fmt::format("{} of {} ranks own nothing in the home layout", idle, needs.ranks));
  }
}

/// What the formula and the sizes say of the method.
std::string method_text(const Problem& problem, Index count, int ranks) {
  const bool one = problem.sum.terms.size() == 1;
  const std::string values = " (unless the matrices' values, which plan does not read, forbid it)";
  switch (problem.job.task) {
    case Task::solve: {
      const methods::Method method =
          foresee_method(problem, problem.job.solver.method, count, ranks, {});
      return method.kind == methods::MethodKind::spectral ? method.why + values : method.why;
    }
    case Task::logdet: {
      const methods::DeterminantChoice choice =
          foresee_determinant(problem, problem.job.solver.method, ranks);
      switch (choice.kind) {
        case methods::DeterminantKind::product:
          return "direct: from the determinants of the factors";
        case methods::DeterminantKind::spectral:
          return "direct: from the eigenvalues" + values;
        case methods::DeterminantKind::dense:
          return "direct: by a factorisation of the whole matrix: " + choice.why;
        case methods::DeterminantKind::estimated:
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
  return "";
}

std::string exchanges_text(const Problem& problem, int ranks) {
  const auto kind = problem.job.task == Task::logdet
                        ? foresee_determinant(problem, problem.job.solver.method, ranks).kind
                        : methods::DeterminantKind::product;
  if (kind == methods::DeterminantKind::estimated)
    return "2 per application, of which a step needs up to 2";
  if (kind == methods::DeterminantKind::dense) return "2 per block of rows of the matrix";
  return "0: the factors alone are needed";
}

Plan::Lines subject_of(const Problem& problem) {
  const expressions::SumOfProducts& sum = problem.sum;
  const auto grid = [](const core::Extents& extents) {
    return fmt::format("{} ({} points)", core::to_text(extents),
                       core::format_count(core::product(extents)));
  };
  Plan::Lines lines;
  if (!problem.job.sweep.empty()) {
    lines.emplace_back("sweep", sweep_text(problem.job) + "; below, the first point");
  }
  lines.emplace_back("operator", sum.text());
  lines.emplace_back("grid", grid(sum.col_extents));
  if (sum.row_extents != sum.col_extents) lines.emplace_back("result grid", grid(sum.row_extents));
  return lines;
}

}  // namespace

Plan plan_operator_job(const PlanRequest& request) {
  const auto& [comm, job, ranks, nodes] = request;
  const Problem problem = analyse_problem(comm, job);
  check_ids(comm, problem);
  if (const auto system = find_kernel_system(problem)) {
    return plan_kernel_system(request, problem, *system);
  }
  const Index count = count_inputs(comm, problem);
  Plan plan{
      subject_of(problem), {}, estimate_memory(problem, workload_of(problem, count), ranks, nodes)};
  plan.method.emplace_back("method", method_text(problem, count, ranks));
  if (!configuration::works_on_vectors(job.task)) {
    plan.method.emplace_back("exchanges", exchanges_text(problem, ranks));
    return plan;
  }
  plan.method.emplace_back(
      "vectors", fmt::format("{} in blocks of {}", core::format_count(count), plan.needs.batch));
  add_layout(problem, plan.needs, plan.method);
  return plan;
}

}  // namespace kronwerk::application
