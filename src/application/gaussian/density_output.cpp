#include "application/gaussian/density_output.hpp"

#include <fmt/format.h>

namespace kronwerk::application {

void write_log_density(GaussianContext& context, double value, double standard_error,
                       double quadrature_error) {
  std::string text = fmt::format("result      log density = {:.15g}", value);
  if (standard_error > 0) {
    text += fmt::format(" ± {:.2g}, quadrature error {:.1g}", standard_error, quadrature_error);
    context.file.write_scalar("/standard_error", standard_error);
    context.file.write_scalar("/quadrature_error", quadrature_error);
  }
  context.report.line(text);
}

void write_mean(GaussianContext& context, const models::MeanEstimate& mean, bool several,
                const std::string& group) {
  if (context.request().mean.columns.empty()) return;
  const Index n = static_cast<Index>(mean.columns);
  core::Extents shape{n}, square{n, n};
  if (mean.pooling == models::MeanPooling::per_observation && several) {
    const Index count = std::ssize(mean.coefficients) / n;
    shape.insert(shape.begin(), count);
    square.insert(square.begin(), count);
  }
  context.file.write_array(group + "/coefficients", shape, mean.coefficients);
  context.file.write_array(group + "/covariance", square, mean.covariance);
  std::string text = "mean        β =";
  if (shape.size() > 1) text = "mean        β of the first observation =";
  for (const double coefficient : mean.row(0)) text += fmt::format(" {:.9g}", coefficient);
  context.report.line(text);
}

void write_density_gradient(GaussianContext& context, const std::vector<std::string>& names,
                            std::span<const double> gradient, std::span<const double> errors,
                            std::span<const double> biases) {
  for (std::size_t p = 0; p < names.size(); ++p) {
    context.file.write_scalar("/gradient/" + names[p], gradient[p]);
    std::string line = fmt::format("gradient    {} = {:.12g}", names[p], gradient[p]);
    if (!errors.empty()) {
      context.file.write_scalar("/gradient_standard_error/" + names[p], errors[p]);
      line += fmt::format(" ± {:.2g}", errors[p]);
    }
    if (!errors.empty() && !biases.empty()) {
      context.file.write_scalar("/gradient_bias_bound/" + names[p], biases[p]);
      line += fmt::format(", bias below {:.1g}", biases[p]);
    }
    context.report.line(line);
  }
}

}  // namespace kronwerk::application
