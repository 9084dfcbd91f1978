// Trend, expectation and best predictors of a Gaussian flow model.
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "application/flow/flow_estimates.hpp"
#include "application/flow/flow_job.hpp"
#include "application/flow/flow_solver.hpp"
#include "application/inputs/vector_reader.hpp"
#include "kronwerk/models/flow/best_predictor.hpp"

namespace kronwerk::application {
namespace {

/// The flows of one year, NaN where nothing was observed.
std::vector<double> read_observed(const FlowContext& context, const VectorReader& reader,
                                  const std::optional<VectorReader>& mask, Index year,
                                  const distribution::Layout& layout) {
  const auto& request = context.request().observations;
  std::vector<double> values, seen;
  communication::collectively(context.comm, [&] {
    values.resize(static_cast<std::size_t>(layout.home_size(context.comm.rank())));
    seen.assign(values.size(), 1.0);
  });
  reader.read(year, layout, values);
  if (mask) mask->read(mask->shape().count == 1 ? 0 : year, layout, seen);
  bool bad = false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (seen[i] == 0) {
      values[i] = std::numeric_limits<double>::quiet_NaN();
    } else {
      bad = bad || std::isinf(values[i]) || (std::isnan(values[i]) && !request.nan_is_missing);
    }
  }
  if (context.comm.any(bad)) {
    throw core::DataError(fmt::format(
        "{}: {}:{} holds NaN or an infinite number at a flow that was observed; if pairs that are "
        "NaN were not observed, say so by 'missing: nan'",
        context.job.where(request.position), request.data.file, request.data.dataset));
  }
  return values;
}

}  // namespace

std::string run_flow_predict(FlowContext& context) {
  Stages& stages = context.stages;
  const auto& request = context.request();
  const core::Extents& extents = context.model.extents();
  const distribution::Layout layout(extents, 1, context.comm.size());
  const Index begin = layout.home_begin(context.comm.rank());
  const bool on_errors = request.acts_on == configuration::FilterActsOn::errors;
  const GivenEstimates estimates = read_estimates(context);
  const VectorReader reader(
      context.comm, context.job,
      {request.observations.data, request.observations.transform, request.observations.position},
      "observations", extents, VectorReader::Missing::allowed);
  std::optional<VectorReader> mask;
  if (request.observations.mask) {
    mask.emplace(
        context.comm, context.job,
        configuration::VectorSource{*request.observations.mask, {}, request.observations.position},
        "observations.mask", extents);
  }

  std::vector<double> trend, expectation, shift;
  std::shared_ptr<FlowSolver> solver;
  stages.run("expectation", [&] {
    trend = trend_of(context, estimates.coefficients);
    communication::collectively(context.comm, [&] {
      expectation.assign(trend.size(), 0.0);
      shift.assign(trend.size(), 0.0);
    });
    const auto solve = make_flow_solve(context.comm, context.model, estimates.parameters, &solver);
    if (on_errors) {
      expectation = trend;
      solver->apply(trend, shift, false);
    } else {
      solve(trend, expectation, false);
      shift = trend;
    }
  });
  stages.report("expectation", solver->description());

  const Index years = reader.shape().count;
  const core::Extents shape = dataset_shape(reader.shape(), extents);
  std::string failure;
  Index unobserved = 0;
  Index iterations = 0;
  double residual = 0;
  stages.run("predict", [&] {
    for (Index year = 0; year < years; ++year) {
      const auto best = models::predict_best(
          context.comm, context.model.workspace(), context.model.filter(), context.model.matrices(),
          estimates.parameters, read_observed(context, reader, mask, year, layout), shift,
          context.job.solver.tolerance, context.job.solver.max_iterations);
      if (year == 0) context.file.create_dataset("/predicted", shape);
      context.file.write_range("/predicted", year * layout.size() + begin, best.completed);
      // With several years all are complete, or the leave-one-out predictors are left away.
      if (!best.leave_one_out.empty() && years == 1) {
        context.file.create_dataset("/leave_one_out", shape);
        context.file.write_range("/leave_one_out", begin, best.leave_one_out);
      }
      unobserved += best.unobserved;
      iterations += best.iterations;
      residual = std::max(residual, best.residual);
      if (best.converged) continue;
      failure = fmt::format(
          "the predictors of unobserved flows did not converge: the relative residual is {:.3g} "
          "after {} iterations; raise solver.max_iterations or solver.tolerance",
          best.residual, best.iterations);
    }
    context.file.create_dataset("/fitted/trend", extents);
    context.file.write_range("/fitted/trend", begin, trend);
    context.file.create_dataset("/fitted/expectation", extents);
    context.file.write_range("/fitted/expectation", begin, expectation);
  });
  stages.report("predict",
                fmt::format("{} unobserved flows, {} iterations", unobserved, iterations));
  context.report.set("method",
                     "conjugate gradients in the unobserved flows; " + solver->description());
  context.report.set("unobserved_flows", unobserved);
  context.report.set("iterations", iterations);
  context.report.set("relative_residual", residual);
  context.report.set("converged", Index{failure.empty() ? 1 : 0});
  return failure;
}

}  // namespace kronwerk::application
