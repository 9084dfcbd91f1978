#include "application/flow/flow_fit.hpp"

#include <fmt/format.h>

#include <cmath>

#include "application/fit/fit_checkpoint.hpp"
#include "application/fit/fit_output.hpp"

namespace kronwerk::application {
namespace {

std::optional<models::NewtonPoint> evaluate(FlowContext& context,
                                            const models::NewtonFunction& likelihood,
                                            const models::FilterConstraints& constraints,
                                            std::span<const double> x) {
  // Where a termination that was asked for takes effect.
  context.stages.run("fit", [] {});
  if (!constraints.hold(x)) return std::nullopt;
  auto point = likelihood(x);
  if (point) constraints.add_priors(*point);
  return point;
}

}  // namespace

models::NewtonFitResult maximise(FlowContext& context, const FlowLikelihood& likelihood,
                                 const models::FilterConstraints& constraints) {
  Stages& stages = context.stages;
  const auto& request = context.request().fit;
  models::GradientFitSettings settings;
  settings.starts = request.starts;
  settings.seed = request.seed;
  settings.beginning = [&](Index start, Index attempt) {
    return likelihood.begin(constraints.beginning(request.seed, start, attempt));
  };
  settings.gradient_beginning = [&](Index start, Index attempt) {
    return likelihood.begin_plainly(constraints.beginning(request.seed, start, attempt));
  };
  settings.bounds = constraints.bounds();
  settings.newton.tolerance = request.tolerance;
  settings.newton.max_iterations = request.max_iterations;
  settings.newton.linear_constraints = constraints.linear();
  settings.on_iteration = [&](const models::FitIteration& iteration) {
    stages.print(line_of(iteration, likelihood.variables));
  };
  settings.checkpoint = [&](const models::FitState& state) { keep_fit(context.checkpoint, state); };
  settings.resume = kept_fit(context.checkpoint);
  stages.print("start  step   log likelihood         distance  parameters");
  models::NewtonFitResult fit;
  stages.run("fit", [&] {
    const bool by_gradients = fits_by_gradients(context.job, context.model);
    const auto function = [&](std::span<const double> x) {
      return evaluate(context, by_gradients ? likelihood.gradient : likelihood.evaluate,
                      constraints, x);
    };
    fit = by_gradients ? models::fit_by_gradient(context.comm, function, std::cref(constraints),
                                                 likelihood.variables, settings)
                       : models::fit_by_newton(function, std::cref(constraints),
                                               likelihood.variables, settings);
  });
  Index evaluations = 0;
  for (const auto& start : fit.state.starts) evaluations += start.evaluations;
  stages.report("fit", fmt::format("{} evaluations", evaluations));
  context.report.set("evaluations", evaluations);
  return fit;
}

void write_course(FlowContext& context, const models::NewtonFitResult& fit) {
  const auto& best = fit.state.starts[fit.best];
  context.file.write_scalar("/objective", best.objective);
  context.file.write_vector("/history", best.history);
  write_starts(context.file, fit.state);
}

void write_criteria(FlowContext& context, double log_likelihood, std::size_t free, Index cells) {
  const Index effects = context.model.fixed_effects().count(context.model.extents());
  const auto numbers = static_cast<double>(free) + static_cast<double>(effects);
  context.file.write_scalar("/log_likelihood", log_likelihood);
  context.file.write_scalar("/aic", 2 * numbers - 2 * log_likelihood);
  context.file.write_scalar("/bic",
                            numbers * std::log(static_cast<double>(cells)) - 2 * log_likelihood);
}

void report_border(FlowContext& context, const std::vector<std::string>& at_border) {
  context.report.set("at_border", Index{at_border.empty() ? 0 : 1});
  for (const std::string& name : at_border) {
    context.stages.warn(fmt::format(
        "the estimate is on the border of the feasible region of the filter, at {}: standard "
        "errors do not hold there",
        name));
  }
}

std::string report_end(FlowContext& context, const models::NewtonFitResult& fit,
                       const std::string& method, const std::string& rejected) {
  const auto& best = fit.state.starts[fit.best];
  const std::string failure = best.converged ? rejected : not_converged(best, context.job);
  context.report.set("method", method);
  context.report.set("converged", Index{failure.empty() ? 1 : 0});
  context.report.set("iterations", best.iterations);
  context.report.set("best_start", static_cast<Index>(fit.best) + 1);
  return failure;
}

}  // namespace kronwerk::application
