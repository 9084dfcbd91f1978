// Log densities and fits of counts on grids.
#include "application/latent/latent_tasks.hpp"

#include <fmt/format.h>

#include "application/latent/latent_likelihood.hpp"

namespace kronwerk::application {
namespace {

using configuration::Task;

/// β and its covariance, if there are columns.
void write_mean(GaussianContext& context, const models::MeanEstimate& mean) {
  if (context.request().mean.columns.empty()) return;
  const auto size = static_cast<Index>(mean.estimated);
  context.file.write_vector("/mean/coefficients", mean.coefficients);
  context.file.write_array("/mean/covariance", core::Extents{size, size}, mean.covariance);
  std::string text = "mean        β =";
  for (const double coefficient : mean.coefficients) text += fmt::format(" {:.9g}", coefficient);
  context.report.line(text);
}

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
  const bool estimated = density.standard_error > 0;
  std::string text = fmt::format("result      log density = {:.15g}", density.value);
  if (estimated) {
    text += fmt::format(" ± {:.2g}, quadrature error {:.1g}", density.standard_error,
                        density.quadrature_error);
    context.file.write_scalar("/standard_error", density.standard_error);
    context.file.write_scalar("/quadrature_error", density.quadrature_error);
  }
  context.report.line(text);
  context.file.write_scalar("/result", density.value);
  write_mean(context, likelihood.approximation().mean());
  for (std::size_t p = 0; p < names.size(); ++p) {
    context.file.write_scalar("/gradient/" + names[p], density.gradient[p]);
    std::string line = fmt::format("gradient    {} = {:.12g}", names[p], density.gradient[p]);
    if (estimated) {
      context.file.write_scalar("/gradient_standard_error/" + names[p], density.gradient_errors[p]);
      line += fmt::format(" ± {:.2g}", density.gradient_errors[p]);
    }
    context.report.line(line);
  }
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
         write_mean(context, likelihood.approximation().mean());
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
    default:
      run_latent_sample(context);
      return "";
  }
}

}  // namespace kronwerk::application
