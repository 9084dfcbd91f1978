// Predicted times of fits of Gaussian flow models.
#include <fmt/format.h>

#include <memory>
#include <set>

#include "application/flow/flow_model.hpp"
#include "application/forecast/forecast.hpp"
#include "application/forecast/priced_operator.hpp"
#include "application/inputs/vector_shape.hpp"
#include "kronwerk/factors/spectra/chebyshev_moments.hpp"
#include "kronwerk/io/hdf5/read.hpp"
#include "kronwerk/prediction/models.hpp"

namespace kronwerk::application {
namespace {

using configuration::Task;
using core::Index;

/// A maximum needs about so many, from a beginning near zero.
constexpr double typical_evaluations = 10;

std::string left_out(const configuration::Job& job, const FlowModel& model) {
  const bool gaussian = job.flow->family == configuration::FlowFamily::gaussian;
  if (!gaussian) return "flow models of counts";
  if (job.task != Task::fit) {
    return fmt::format("the task {} of flow models", configuration::task_name(job.task));
  }
  if (model.fixed_effects().any()) return "flow models with fixed effects";
  for (const auto& column : model.columns()) {
    if (column.kind != models::FlowColumn::Kind::kron) return "columns that are no products";
  }
  return "";
}

}  // namespace

prediction::Model forecast_flow_job(const PlanRequest& request) {
  const configuration::Job& job = request.job;
  FlowModel model(request.comm, job);
  const std::string missing = left_out(job, model);
  if (!missing.empty()) return not_modelled(missing);
  const Problem& problem = model.problem();
  const PricedOperator priced(request.comm, problem);
  prediction::FlowFitWork work;
  work.lags = priced.sum();
  work.columns = static_cast<double>(model.columns().size());
  const auto& data = job.flow->observations.data;
  const auto info = io::inspect(request.comm, to_location(data));
  work.grids = match_shape(info.shape, model.extents(), data.file + ":" + data.dataset).count;
  work.matrix_bytes = priced.matrix_bytes();
  work.datasets = priced.datasets() + work.columns;
  work.pairs = static_cast<double>(model.cells());
  const auto structure = expressions::find_structure(problem.sum, {});
  std::set<std::string> seen;
  for (const auto& mode : structure.modes) {
    const Index n = model.extents()[work.to_basis.size()];
    prediction::PricedMode basis{n, n, {}};
    if (mode.first) {
      const auto extent = static_cast<double>(n);
      basis.actions.push_back({prediction::Action::dense, 2 * extent * extent});
      if (seen.insert(mode.first->text).second) work.decomposed.push_back(extent);
    }
    work.to_basis.push_back(std::move(basis));
  }
  const auto problem_for_method = std::make_shared<Problem>(problem);
  work.iteration = priced.iteration().op;
  prediction::Model result;
  result.unit = "evaluation";
  result.units = typical_evaluations;
  result.assumptions.emplace_back(
      "every flow was observed; the spectrum by eigenvalues; 30 iterations for the "
      "expectation where it is not solved for directly");
  result.assumptions.push_back(priced.assumption());
  result.stages = [work, problem_for_method](const prediction::Pricing& pricing) {
    prediction::FlowFitWork here = work;
    here.spectral = foresee_method(*problem_for_method, problem_for_method->job.solver.method, 1,
                                   pricing.ranks().count, {})
                        .kind == methods::MethodKind::spectral;
    return prediction::price_flow_fit(pricing, here);
  };
  return result;
}

}  // namespace kronwerk::application
