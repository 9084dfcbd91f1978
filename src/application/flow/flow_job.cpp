#include "application/flow/flow_job.hpp"

#include <fmt/format.h>

#include <optional>

#include "application/inputs/vector_shape.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/io/hdf5/read.hpp"

namespace kronwerk::application {
namespace {

// Blocks of a fit beside the observations and grid columns: lags, trend, expectation and what its
// solve takes.
constexpr double other_blocks = 6;

bool estimates_counts(const configuration::Job& job) {
  return job.flow->family != configuration::FlowFamily::gaussian && job.estimates();
}

}  // namespace

bool fits_by_gradients(const configuration::Job& job, const FlowModel& model) {
  if (!estimates_counts(job)) return false;
  if (job.posterior) return true;
  if (const auto& method = job.flow->fit.method) {
    return *method == configuration::FitMethod::quasi_newton;
  }
  return model.filter().parameters().size() + model.columns().size() > most_by_newton;
}

// Observations, grid columns and lags per rank; matrices and their eigenvectors per node.
methods::MemoryNeeds estimate_flow_memory(const communication::Communicator& comm,
                                          const configuration::Job& job, const FlowModel& model,
                                          int ranks, int nodes, bool derivatives) {
  methods::MemoryNeeds needs;
  needs.ranks = ranks;
  needs.nodes = nodes;
  needs.base_bytes_per_rank = methods::base_bytes_per_rank;
  for (const Index extent : model.extents()) {
    const auto n = static_cast<double>(extent);
    needs.factor_bytes_per_node += 3 * 8 * n * n;
  }
  double blocks = other_blocks;
  const auto& data = job.flow->observations.data;
  if (!data.file.empty()) {
    const auto info = io::inspect(comm, to_location(data));
    blocks += static_cast<double>(
        match_shape(info.shape, model.extents(), data.file + ":" + data.dataset).count);
  }
  if (estimates_counts(job)) blocks += static_cast<double>(2 * model.filter().parameters().size());
  if (estimates_counts(job) && model.fixed_effects().any()) {
    blocks += 5;  // scores, weights and fields
  }
  if (estimates_counts(job) && derivatives) {
    blocks += static_cast<double>(model.columns().size());
  }
  for (const auto& column : model.columns()) {
    if (column.kind == models::FlowColumn::Kind::grid) ++blocks;
  }
  needs.vector_bytes_per_rank = 8 * blocks * static_cast<double>(model.cells()) / ranks;
  return needs;
}

namespace {

std::string run_task(FlowContext& context) {
  using configuration::Task;
  const bool gaussian = context.request().family == configuration::FlowFamily::gaussian;
  switch (context.job.task) {
    case Task::fit:
      return gaussian ? run_flow_fit(context) : run_count_fit(context);
    case Task::posterior:
      return gaussian ? run_flow_posterior(context) : run_count_posterior(context);
    case Task::sample:
      return run_flow_sample(context);
    case Task::predict:
      return gaussian ? run_flow_predict(context) : run_count_predict(context);
    case Task::effects:
      return run_flow_effects(context);
    case Task::apply:
    case Task::solve:
    case Task::logdet:
    case Task::assemble:
    case Task::project:
    case Task::graph:
    case Task::trace:
    case Task::diagonal:
    case Task::eigenvalues:
    case Task::expm:
    case Task::logpdf:
    case Task::reduce:
      break;
  }
  throw core::InternalError("a task without a flow model was run as one of such a model");
}

/// @param model  loaded if it is not there, else kept without what was made of it
std::string run_flow(JobContext& job, std::optional<FlowModel>& model) {
  job.stages.run("load", [&] {
    if (model) return model->forget();
    model.emplace(job.comm, job.job);
    check_memory(job.comm,
                 estimate_flow_memory(job.comm, job.job, *model, job.comm.size(),
                                      job.comm.node_count(), !fits_by_gradients(job.job, *model)));
  });
  job.stages.report("load", model->text());
  for (const std::string& text : model->warnings()) job.stages.warn(text);
  FlowContext context{job, *model};
  return run_task(context);
}

}  // namespace

std::vector<double> trend_of(const FlowContext& context, std::span<const double> coefficients,
                             const models::EffectValues& effects) {
  const distribution::Layout layout(context.model.extents(), 1, context.comm.size());
  const int rank = context.comm.rank();
  std::vector<double> trend;
  communication::collectively(
      context.comm, [&] { trend.resize(static_cast<std::size_t>(layout.home_size(rank))); });
  models::add_columns(context.model.columns(), coefficients, layout.home().begin(rank),
                      layout.trailing(), trend);
  models::add_effects(effects, layout.home().begin(rank), layout.trailing(), trend);
  return trend;
}

void run_flow_job(const JobRun& run) {
  std::optional<FlowModel> model;
  const std::string failure =
      write_result(run, [&](JobContext& context) { return run_flow(context, model); });
  if (!failure.empty()) throw core::ConvergenceError(failure);
}

namespace {

std::string plan_method(const configuration::Job& job, const FlowModel& model) {
  if (job.task == configuration::Task::posterior) {
    return job.flow->family == configuration::FlowFamily::gaussian
               ? "moments in one pass, then the No-U-Turn sampler, coefficients and σ² integrated "
                 "out"
               : "the No-U-Turn sampler, its gradients by one solve forward and one with the "
                 "transpose";
  }
  if (job.task == configuration::Task::sample) return "a solve with the filter for each draw";
  if (job.task == configuration::Task::effects) {
    return "solves with single modes where the columns allow it, else products in eigenvectors, or "
           "a solve over the grid for each region";
  }
  if (job.task == configuration::Task::predict) {
    return job.flow->family == configuration::FlowFamily::gaussian
               ? "conjugate gradients in the unobserved flows"
               : "a solve with the filter for the linear predictor";
  }
  return job.flow->family == configuration::FlowFamily::gaussian
             ? "moments in one pass, then Newton's method on the concentrated likelihood"
         : fits_by_gradients(job, model)
             ? "quasi-Newton, its gradients by one solve forward and one with the transpose"
             : "Newton's method with solves for the derivatives of the latent field";
}

}  // namespace

Plan plan_flow_job(const PlanRequest& request) {
  const FlowModel model(request.comm, request.job);
  return {{{"filter", request.job.formula.value},
           {"model", model.text()},
           {"grid", fmt::format("{} ({} flows)", core::to_text(model.extents()),
                                core::format_count(model.cells()))}},
          {{"method", plan_method(request.job, model)}},
          estimate_flow_memory(request.comm, request.job, model, request.ranks, request.nodes,
                               !fits_by_gradients(request.job, model))};
}

}  // namespace kronwerk::application
