#include "application/latent/latent_likelihood.hpp"

#include <fmt/format.h>

namespace kronwerk::application {
namespace {

models::LaplaceSettings settings_of(GaussianContext& context) {
  const auto& solver = context.job.solver;
  models::LaplaceSettings settings;
  settings.tolerance = solver.tolerance;
  settings.max_iterations = solver.max_iterations;
  settings.stochastic.probes = solver.probes;
  settings.stochastic.seed = solver.seed;
  settings.stochastic.steps = solver.max_iterations;
  return settings;
}

}  // namespace

LatentLikelihood::LatentLikelihood(GaussianContext& context)
    : context_(context),
      observations_(context.comm, context.job, context.model.extents()),
      slices_(context.comm, observations_.kept(), context.model.extents()),
      sizes_(context) {
  context.stages.run("read", [&] {
    layout_ = models::latent_layout(context.comm, signal(context.parameters));
    auto cells = read_cells(context, observations_, sizes_, layout_);
    approximation_.emplace(context.comm, context.workspace, std::move(cells), settings_of(context));
  });
  context.stages.report("read", observations_.text());
}

std::vector<operators::ScaledProduct> LatentLikelihood::signal(const Parameters& parameters) {
  auto signal = slices_.restrict_both(latent_terms(context_, parameters).signal);
  slices_.forget_unused();
  return signal;
}

std::vector<models::MeanColumn> LatentLikelihood::mean(const Parameters& parameters) {
  return slices_.restrict_mean(context_.model.mean(parameters));
}

std::vector<models::LatentDerivative> LatentLikelihood::derivatives(
    const Parameters& parameters, const std::vector<std::string>& names) {
  const auto& mean = context_.request().mean;
  const auto& theta = context_.request().likelihood->theta_parameter;
  std::vector<models::LatentDerivative> result;
  for (const std::string& name : names) {
    models::LatentDerivative& derivative = result.emplace_back();
    derivative.covariance =
        slices_.restrict_both(context_.model.derivative(parameters, name).products);
    // The column of a mean that is a parameter is the first.
    if (mean.parameter && mean.parameter->value == name) derivative.coefficient = 0;
    derivative.theta = theta && theta->value == name;
  }
  return result;
}

models::LaplaceProgress LatentLikelihood::find_mode(const Parameters& parameters) {
  return approximation_->find_mode({signal(parameters), mean(parameters),
                                    cell_likelihood(*context_.request().likelihood, parameters)});
}

LatentLikelihood::Value LatentLikelihood::evaluate(const Parameters& parameters,
                                                   const std::vector<std::string>& names) {
  Value value;
  value.progress = find_mode(parameters);
  value.density = approximation_->density(derivatives(parameters, names));
  value.method = method_of(value.progress, approximation_->exact());
  return value;
}

std::string method_of(const models::LaplaceProgress& progress, bool exact) {
  return fmt::format(
      "Laplace's method: {} Newton steps, {} iterations of conjugate gradients preconditioned by "
      "the nearest product, log|B| {}",
      progress.steps, progress.iterations, exact ? "exact" : "by Lanczos quadrature");
}

std::string write_progress(GaussianContext& context, const models::LaplaceProgress& progress,
                           bool converged) {
  context.report.set("converged", Index{converged && progress.converged ? 1 : 0});
  context.report.set("newton_steps", progress.steps);
  context.report.set("linear_iterations", progress.iterations);
  context.report.set("relative_residual", progress.residual);
  if (progress.converged) return "";
  return fmt::format(
      "Newton's method for the mode of the field did not converge: {}; what was reached was "
      "written to {} with converged = 0. Raise solver.tolerance (now {:g}), or look at the "
      "parameters",
      progress.reason, context.job.output.file, context.job.solver.tolerance);
}

}  // namespace kronwerk::application
