// The log density of the observations, with its gradient by parameters and observations.
#include <fmt/format.h>

#include <cmath>

#include "application/gaussian/likelihood.hpp"

namespace kronwerk::application {
namespace {

/// β and its covariance, or a row (and a matrix) for each of the observations.
void write_mean(GaussianContext& context, const models::MeanEstimate& mean, bool several) {
  if (context.request().mean.columns.empty()) return;
  const Index n = static_cast<Index>(mean.columns);
  core::Extents shape{n}, square{n, n};
  if (mean.pooling == models::MeanPooling::per_observation && several) {
    const Index count = std::ssize(mean.coefficients) / n;
    shape.insert(shape.begin(), count);
    square.insert(square.begin(), count);
  }
  context.file.write_array("/mean/coefficients", shape, mean.coefficients);
  context.file.write_array("/mean/covariance", square, mean.covariance);
  std::string text = "mean        β =";
  if (shape.size() > 1) text = "mean        β of the first observation =";
  for (const double coefficient : mean.row(0)) text += fmt::format(" {:.9g}", coefficient);
  context.report.line(text);
}

void write_input_gradient(GaussianContext& context, const Likelihood& likelihood,
                          std::vector<std::vector<double>> gradients) {
  const Observations& observations = likelihood.observations();
  const core::Extents shape = dataset_shape(observations.shape(), context.model.extents());
  context.file.create_dataset("/gradient/input", shape);
  Index first = 0;
  for (std::size_t b = 0; b < gradients.size(); ++b) {
    auto& gradient = gradients[b];
    std::vector<double> derivative(gradient.size());
    observations.read_derivative(first, likelihood.layout(), derivative);
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      // A cell that was not observed has no influence.
      gradient[i] = std::isnan(likelihood.blocks()[b][i]) ? 0 : gradient[i] * derivative[i];
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
  std::string text = fmt::format("result      log density = {:.15g}", value.total());
  if (value.standard_error > 0) {
    text += fmt::format(" ± {:.2g}, quadrature error {:.1g}", value.standard_error,
                        value.quadrature_error);
    context.file.write_scalar("/standard_error", value.standard_error);
    context.file.write_scalar("/quadrature_error", value.quadrature_error);
  }
  context.report.line(text);
  write_mean(context, value.mean, likelihood.observations().shape().several);
  if (likelihood.observations().shape().several) {
    context.file.write_vector("/result", value.values);
  } else {
    context.file.write_scalar("/result", value.values.at(0));
  }
  for (std::size_t p = 0; p < request.parameters.size(); ++p) {
    const std::string& name = request.parameters[p];
    context.file.write_scalar("/gradient/" + name, value.gradient[p]);
    std::string line = fmt::format("gradient    {} = {:.12g}", name, value.gradient[p]);
    if (value.standard_error > 0) {
      context.file.write_scalar("/gradient_standard_error/" + name, value.gradient_errors[p]);
      context.file.write_scalar("/gradient_bias_bound/" + name, value.gradient_biases[p]);
      line += fmt::format(" ± {:.2g}, bias below {:.1g}", value.gradient_errors[p],
                          value.gradient_biases[p]);
    }
    context.report.line(line);
  }
  if (request.input_gradient) {
    write_input_gradient(context, likelihood, std::move(value.input_gradient));
  }
  context.report.set("method", value.method);
  return write_solves(context, value.solves);
}

}  // namespace kronwerk::application
