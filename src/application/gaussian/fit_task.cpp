// Estimates parameters of a Gaussian model by maximum likelihood, or maximum a posteriori.
#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "application/fit/fit_checkpoint.hpp"
#include "application/fit/fit_output.hpp"
#include "application/fit/fit_parameters.hpp"
#include "application/gaussian/density_output.hpp"
#include "application/gaussian/likelihood.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/models/fit/fit.hpp"

namespace kronwerk::application {
namespace {

models::FitSettings settings_of(GaussianContext& context, const std::vector<std::string>& names) {
  const auto& request = context.request().fit;
  models::FitSettings settings;
  settings.starts = request.starts;
  settings.seed = request.seed;
  settings.tolerance = request.tolerance;
  settings.max_iterations = request.max_iterations;
  settings.standard_errors = request.standard_errors;
  settings.on_iteration = [&context, &names](const models::FitIteration& iteration) {
    context.stages.print(line_of(iteration, names));
  };
  settings.checkpoint = [&context](const models::FitState& state) {
    keep_fit(context.checkpoint, state);
  };
  settings.resume = kept_fit(context.checkpoint);
  return settings;
}

void write_result(GaussianContext& context, const std::vector<models::FitParameter>& parameters,
                  const models::FitResult& result) {
  write_held_parameters(context.file, context.job);
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    const std::string& name = parameters[p].name;
    context.file.write_scalar("/parameters/" + name, result.parameters[p]);
    std::string line = fmt::format("result      {} = {:.9g}", name, result.parameters[p]);
    if (const auto& error = result.standard_errors[p]) {
      context.file.write_scalar("/standard_error/" + name, *error);
      line += fmt::format(" ± {:.3g}", *error);
    }
    if (result.at_bound[p] != 0) line += " (on its bound)";
    context.report.line(line);
    context.file.write_scalar("/gradient/" + name, result.gradient[p]);
  }
  const Index width = std::ssize(parameters);
  if (!result.covariance.empty()) {
    context.file.write_array("/parameter_covariance", core::Extents{width, width},
                             result.covariance);
  }
  context.file.write_scalar("/log_density", result.log_density);
  context.file.write_scalar("/objective", result.objective);
  context.file.write_vector("/history", result.state.starts[result.best].history);
  write_starts(context.file, result.state);
  context.report.line(fmt::format("            log density = {:.12g}", result.log_density));
  if (!result.information.empty()) {
    context.report.line("            no standard errors: " + result.information);
  }
}

/// The job's parameters with those that were estimated.
Parameters at(const GaussianContext& context, const std::vector<std::string>& names,
              std::span<const double> values) {
  Parameters all = context.parameters;
  for (std::size_t p = 0; p < names.size(); ++p) all[names[p]] = values[p];
  return all;
}

}  // namespace

std::string fit_density(GaussianContext& context, const FittedDensity& density) {
  Stages& stages = context.stages;
  const auto parameters = parameters_to_fit(context.job);
  std::vector<std::string> names;
  for (const auto& parameter : parameters) names.push_back(parameter.name);
  std::string method;
  std::string unconverged;  // why the last such point was avoided
  const auto log_density = [&](std::span<const double> values) {
    // Where a termination that was asked for takes effect.
    stages.run("fit", [] {});
    try {
      return density.evaluate(at(context, names, values), names, method);
    } catch (const core::ConvergenceError& error) {
      // A point that is to be avoided, like one where the covariance is singular.
      unconverged = error.what();
      throw core::DataError(unconverged);
    }
  };
  const auto settings = settings_of(context, names);
  models::FitResult result;
  stages.print("start  step   log density            gradient  parameters");
  try {
    stages.run("fit",
               [&] { result = models::fit(context.comm, log_density, parameters, settings); });
  } catch (const core::DataError& error) {
    // No start could begin.
    if (error.what() == unconverged) throw core::ConvergenceError(unconverged);
    throw;
  }
  stages.report("fit", fmt::format("{} evaluations, {}", result.evaluations, method));
  write_result(context, parameters, result);
  const auto& best = result.state.starts[result.best];
  context.report.set("method", method);
  std::string inaccurate;
  stages.run("verify", [&] {
    inaccurate = density.judge(at(context, names, result.parameters), result.converged);
  });
  context.report.set("iterations", best.iterations);
  context.report.set("evaluations", result.evaluations);
  context.report.set("best_start", Index{static_cast<Index>(result.best) + 1});
  return result.converged ? inaccurate : not_converged(best, context.job);
}

std::string run_fit(GaussianContext& context) {
  Likelihood likelihood(context);
  return fit_density(
      context,
      {[&](const Parameters& all, const std::vector<std::string>& names, std::string& method) {
         auto value = likelihood.evaluate(all, {names, false, models::Judged::first_use});
         if (!value.solves.failure().empty()) {
           throw core::ConvergenceError(value.solves.failure());
         }
         method = std::move(value.method);
         return models::Evaluation{value.total(), std::move(value.gradient),
                                   std::move(value.gradient_errors)};
       },
       [&](const Parameters& all, bool converged) {
         const auto value = likelihood.evaluate(all, {});
         write_mean(context, value.mean, likelihood.observations().shape().several);
         return write_solves(context, value.solves, converged);
       }});
}

}  // namespace kronwerk::application
