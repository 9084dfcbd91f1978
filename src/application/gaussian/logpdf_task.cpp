// The log density of the observations, with its gradient by parameters and observations.
#include <cmath>

#include "application/gaussian/density_output.hpp"
#include "application/gaussian/likelihood.hpp"

namespace kronwerk::application {
namespace {

/// transform″/transform′ by transform′.
double log_derivative_slope(configuration::Transform transform, double derivative) {
  using configuration::Transform;
  switch (transform) {
    case Transform::none:
      break;
    case Transform::log:
    case Transform::log1p:
      return -derivative;
    case Transform::sqrt:
      return -2 * derivative * derivative;
    case Transform::square:
      return 2 / derivative;
    case Transform::exp:
      return 1;
  }
  return 0;
}

void write_input_gradient(GaussianContext& context, const Likelihood& likelihood,
                          std::vector<std::vector<double>> gradients) {
  const Observations& observations = likelihood.observations();
  const core::Extents shape = dataset_shape(observations.shape(), context.model.extents());
  context.file.create_dataset("/gradient/input", shape);
  const auto transform = context.request().observations->transform;
  Index first = 0;
  for (std::size_t b = 0; b < gradients.size(); ++b) {
    auto& gradient = gradients[b];
    std::vector<double> derivative(gradient.size());
    observations.read_derivative(first, likelihood.layout(), derivative);
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      // A cell that was not observed has no influence.
      gradient[i] = std::isnan(likelihood.blocks()[b][i]) ? 0 : gradient[i] * derivative[i];
      if (likelihood.log_jacobian().empty() || std::isnan(likelihood.blocks()[b][i])) continue;
      gradient[i] += log_derivative_slope(transform, derivative[i]);
    }
    observations.scatter(first, likelihood.layout(), gradient, 0,
                         [&](Index offset, std::span<const double> values) {
                           context.file.write_range("/gradient/input", offset, values);
                         });
    first += likelihood.observations_per_block();
  }
}

}  // namespace

std::string run_logpdf(GaussianContext& context) {
  Stages& stages = context.stages;
  Likelihood likelihood(context);
  Likelihood::Request request;
  if (context.job.gradient) {
    for (const auto& parameter : context.job.gradient->parameters) {
      request.parameters.push_back(parameter.value);
    }
    request.input_gradient = context.job.gradient->input;
  }
  Likelihood::Value value;
  stages.run("evaluate", [&] { value = likelihood.evaluate(context.parameters, request); });
  stages.report("evaluate", value.method);
  write_log_density(context, value.total(), value.standard_error, value.quadrature_error);
  write_mean(context, value.mean, likelihood.observations().shape().several);
  if (likelihood.observations().shape().several) {
    context.file.write_vector("/result", value.values);
  } else {
    context.file.write_scalar("/result", value.values.at(0));
  }
  const bool estimated = value.standard_error > 0;
  write_density_gradient(context, request.parameters, value.gradient,
                         estimated ? value.gradient_errors : std::vector<double>(),
                         value.gradient_biases);
  if (request.input_gradient) {
    write_input_gradient(context, likelihood, std::move(value.input_gradient));
  }
  context.report.set("method", value.method);
  return write_solves(context, value.solves);
}

}  // namespace kronwerk::application
