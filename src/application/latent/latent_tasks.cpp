// Log densities and fits of counts on grids.
#include "application/latent/latent_tasks.hpp"

#include "application/gaussian/density_output.hpp"
#include "application/latent/latent_likelihood.hpp"

namespace kronwerk::application {
namespace {

using configuration::Task;

std::string run_latent_logpdf(GaussianContext& context) {
  LatentLikelihood likelihood(context);
  std::vector<std::string> names;
  if (context.job.gradient) {
    for (const auto& parameter : context.job.gradient->parameters) {
      names.push_back(parameter.value);
    }
  }
  LatentLikelihood::Value value;
  context.stages.run("evaluate", [&] { value = likelihood.evaluate(context.parameters, names); });
  context.stages.report("evaluate", value.method);
  const models::LaplaceDensity& density = value.density;
  write_log_density(context, density.value, density.standard_error, density.quadrature_error);
  context.file.write_scalar("/result", density.value);
  write_mean(context, likelihood.approximation().mean(), false);
  const bool estimated = density.standard_error > 0;
  write_density_gradient(context, names, density.gradient,
                         estimated ? density.gradient_errors : std::vector<double>());
  context.report.set("method", value.method);
  return write_progress(context, value.progress);
}

std::string run_latent_fit(GaussianContext& context) {
  LatentLikelihood likelihood(context);
  return fit_density(
      context,
      {[&](const Parameters& all, const std::vector<std::string>& names, std::string& method) {
         auto value = likelihood.evaluate(all, names);
         if (!value.progress.converged) throw core::DataError(value.progress.reason);
         method = std::move(value.method);
         auto& density = value.density;
         if (density.standard_error == 0) density.gradient_errors.clear();
         return models::Evaluation{density.value, std::move(density.gradient),
                                   std::move(density.gradient_errors)};
       },
       [&](const Parameters& all, bool converged) {
         const auto progress = likelihood.find_mode(all);
         write_mean(context, likelihood.approximation().mean(), false);
         return write_progress(context, progress, converged);
       }});
}

}  // namespace

std::string run_latent_task(GaussianContext& context) {
  switch (context.job.task) {
    case Task::logpdf:
      return run_latent_logpdf(context);
    case Task::fit:
      return run_latent_fit(context);
    case Task::predict:
      return run_latent_predict(context);
    case Task::sample:
      run_latent_sample(context);
      return "";
    case Task::posterior:
      return run_posterior(context);
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
    case Task::effects:
    case Task::reduce:
      break;
  }
  throw core::InternalError("not a task of a likelihood");
}

}  // namespace kronwerk::application
