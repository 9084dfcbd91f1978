// Predicted times of jobs of an operator formula.
#include <fmt/format.h>

#include <memory>

#include "application/forecast/forecast.hpp"
#include "application/forecast/priced_operator.hpp"
#include "application/inputs/workload.hpp"
#include "application/kernels/kernel_system.hpp"
#include "application/tasks/vector_task.hpp"

namespace kronwerk::application {
namespace {

using configuration::Task;
using core::Index;
using methods::MethodKind;
using prediction::Pricing;
using prediction::Stage;

/// What the choice of a method assumes, too.
constexpr double typical_iterations = 30;
/// What the updates of conjugate gradients stream, bytes per value, and the sums they need: <p, w>,
/// x, r with its norm, and p; with a preconditioner apart PETSc's, z and <r, z> too.
constexpr double bytes_together = 88;
constexpr double bytes_apart = 128;
constexpr double reductions_together = 2;
constexpr double reductions_apart = 3;

/// All that is asked of a problem, whatever the ranks.
struct Asked {
  Problem problem;
  Index count = 1;
  prediction::PricedSum sum;
  std::vector<prediction::PricedMode> inverses;
  prediction::IterationWork iteration;
  prediction::SpectralWork spectral;
  prediction::VectorWork work;
};

bool is_random(const configuration::Job& job) {
  return job.input && std::holds_alternative<configuration::RandomReference>(job.input->source);
}

/// The same grid with a block of vectors before it.
void add_batch(prediction::PricedSum& sum, Index batch) {
  if (batch == 1 || sum.terms.empty()) return;
  sum.modes.insert(sum.modes.begin(), {prediction::PricedMode{batch, batch, {}}});
  for (auto& term : sum.terms) term.matrices.insert(term.matrices.begin(), 0);
  sum.needs = {};
}

void add_batch(std::vector<prediction::PricedMode>& modes, Index batch) {
  if (batch > 1) modes.insert(modes.begin(), prediction::PricedMode{batch, batch, {}});
}

MethodKind method_of(const Asked& asked, int ranks) {
  return foresee_method(asked.problem, asked.problem.job.solver.method, asked.count, ranks, {})
      .kind;
}

std::vector<Stage> price(const Asked& asked, const Pricing& pricing) {
  const int ranks = pricing.ranks().count;
  const Index batch = choose_batch(asked.problem, workload_of(asked.problem, asked.count), ranks);
  prediction::VectorWork work = asked.work;
  work.op = asked.sum;
  work.blocks = (asked.count + batch - 1) / batch;
  add_batch(work.op, batch);
  if (asked.problem.job.task == Task::apply) return price_apply(pricing, work);
  switch (method_of(asked, ranks)) {
    case MethodKind::product: {
      auto inverses = asked.inverses;
      add_batch(inverses, batch);
      return price_product_solve(pricing, work, inverses);
    }
    case MethodKind::spectral: {
      prediction::SpectralWork spectral = asked.spectral;
      add_batch(spectral.to_basis, batch);
      return price_spectral_solve(pricing, work, spectral);
    }
    case MethodKind::krylov:
      break;
  }
  prediction::IterationWork iteration = asked.iteration;
  add_batch(iteration.op, batch);
  add_batch(iteration.preconditioner, batch);
  return price_krylov_solve(pricing, work, iteration);
}

prediction::SpectralWork spectral_work(const Problem& problem) {
  prediction::SpectralWork work;
  std::set<std::string> seen;
  for (const auto& mode : expressions::find_structure(problem.sum, {}).modes) {
    const Index n = problem.sum.row_extents[work.to_basis.size()];
    prediction::PricedMode priced{n, n, {}};
    if (mode.first) {
      priced.actions.push_back({prediction::Action::dense, 2.0 * static_cast<double>(n * n)});
      if (seen.insert(mode.first->text).second) work.extents.push_back(static_cast<double>(n));
    }
    work.to_basis.push_back(std::move(priced));
  }
  return work;
}

/// What the model leaves out of what the job asks.
std::string left_out(const Problem& problem) {
  const configuration::Job& job = problem.job;
  if (job.task != Task::apply && job.task != Task::solve) {
    return fmt::format("the task {}", configuration::task_name(job.task));
  }
  if (job.gradient || job.tangent) return "gradients and tangents of operator formulas";
  if (!job.sweep.empty()) return "sweeps";
  if (!problem.kernel_factors.empty()) return "operators with kernel matrices";
  for (const auto& term : problem.sum.terms) {
    if (!term.steps.empty()) return "operators with diagonals over the whole grid";
  }
  return problem.sum.terms.empty() ? "the zero operator" : "";
}

}  // namespace

prediction::Model not_modelled(const std::string& what) {
  prediction::Model model;
  model.why_not = what;
  return model;
}

prediction::Model forecast_operator_job(const PlanRequest& request) {
  const auto asked = std::make_shared<Asked>();
  asked->problem = analyse_problem(request.comm, request.job);
  const Problem& problem = asked->problem;
  const std::string missing = left_out(problem);
  if (!missing.empty()) return not_modelled(missing);
  asked->count = count_inputs(request.comm, problem);
  const PricedOperator priced(request.comm, problem);
  asked->sum = priced.sum();
  prediction::Model model;
  if (problem.job.task == Task::solve) {
    const MethodKind kind = method_of(*asked, request.ranks);
    if (kind == MethodKind::product) asked->inverses = priced.inverses();
    if (kind != MethodKind::product) {
      asked->spectral = spectral_work(problem);
      asked->iteration = priced.iteration();
      const bool together = asked->iteration.preconditioner.terms.empty();
      asked->iteration.streamed_bytes = together ? bytes_together : bytes_apart;
      asked->iteration.reductions = together ? reductions_together : reductions_apart;
      // Beside the method's own, the right-hand side, the solution and the residual in its
      // coordinates.
      asked->iteration.vectors =
          3 +
          static_cast<double>(operators::KrylovSolver::vectors_kept(operators::KrylovMethod::cg));
    }
    if (kind == MethodKind::krylov) {
      model.unit = "iteration";
      model.units = typical_iterations;
      model.assumptions.push_back("preconditioned by the nearest Kronecker product");
    }
  }
  prediction::VectorWork& work = asked->work;
  work.random = is_random(problem.job);
  work.factor_entries = priced.factor_entries();
  work.dense_extents = priced.dense_extents();
  work.frame.datasets = priced.datasets() + (work.random ? 0 : 1);
  work.frame.matrix_bytes = priced.matrix_bytes();
  work.frame.result_bytes = 8 * static_cast<double>(asked->count) *
                            static_cast<double>(core::product(problem.sum.row_extents));
  model.assumptions.push_back(priced.assumption());
  model.stages = [asked](const Pricing& pricing) { return price(*asked, pricing); };
  return model;
}

}  // namespace kronwerk::application
