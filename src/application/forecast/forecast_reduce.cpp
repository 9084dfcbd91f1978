// Predicted times of reductions of kernel formulas.
#include <memory>

#include "application/forecast/forecast.hpp"
#include "application/forecast/pair_costs.hpp"
#include "application/kernels/reduce_problem.hpp"
#include "kronwerk/kernels/reductions/nearest_points.hpp"
#include "kronwerk/prediction/reductions.hpp"

namespace kronwerk::application {
namespace {

std::string left_out(const ReduceProblem& problem, const prediction::ReductionWork& work,
                     const configuration::Job& job) {
  if (problem.sparsity) return "block-sparse reductions";
  if (job.gradient) return "gradients of reductions";
  if (problem.reduction.formula.dimension() != 1) return "reductions of several numbers a pair";
  const auto& setup = problem.reduction;
  if (kernels::is_nearest_search(setup) &&
      kernels::prefers_products(setup, work.kept, work.reduced)) {
    return "nearest points that matrix products find";
  }
  return "";
}

}  // namespace

prediction::Model forecast_reduce_job(const PlanRequest& request) {
  const ReduceProblem problem = analyse_reduce(request.comm, request.job);
  const bool over_j = problem.reduction.over == kernels::axis_j;
  prediction::ReductionWork work;
  work.kept = over_j ? problem.rows : problem.columns;
  work.reduced = over_j ? problem.columns : problem.rows;
  const auto moved = variables_of(problem.reduction, over_j ? kernels::axis_j : kernels::axis_i);
  for (const auto& [name, variable] : problem.variables) {
    const auto values = static_cast<double>(variable.symbol.dimension);
    work.input_bytes += 8 * static_cast<double>(core::product(variable.data.shape));
    work.datasets += 1;
    if (moved.contains(name)) work.bytes_per_point += 8 * values;
  }
  const auto width = static_cast<double>(problem.reduction.requests.size()) *
                     static_cast<double>(problem.reduction.formula.dimension());
  work.result_bytes = 8 * width * static_cast<double>(work.kept);
  const core::Index dimension = problem.reduction.formula.dimension();
  work.keeps_axis = [kept = work.kept, reduced = work.reduced, dimension](int ranks) {
    return kernels::choose_spread(kept, reduced, dimension, ranks) == kernels::Spread::kept_axis;
  };
  const std::string missing = left_out(problem, work, request.job);
  if (!missing.empty()) return not_modelled(missing);
  work.cost = relative_cost(problem.reduction.formula);
  prediction::Model model;
  model.stages = [work](const prediction::Pricing& pricing) {
    return prediction::price_reduction(pricing, work);
  };
  return model;
}

}  // namespace kronwerk::application
