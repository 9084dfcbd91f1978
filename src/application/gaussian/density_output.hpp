#pragma once

#include <span>
#include <string>
#include <vector>

#include "application/gaussian/gaussian_job.hpp"

namespace kronwerk::application {

/// The line of a log density and, where it is an estimate, its errors in the result. Collective.
void write_log_density(GaussianContext& context, double value, double standard_error,
                       double quadrature_error);

/// β and its covariance, or a row (and a matrix) for each of several observations. Collective.
void write_mean(GaussianContext& context, const models::MeanEstimate& mean, bool several,
                const std::string& group = "/mean");

/// A gradient of a log density by parameters. Collective.
/// @param errors  standard errors of an estimate, else empty
/// @param biases  bounds of what else it may be off, where they are known
void write_density_gradient(GaussianContext& context, const std::vector<std::string>& names,
                            std::span<const double> gradient, std::span<const double> errors,
                            std::span<const double> biases = {});

}  // namespace kronwerk::application
