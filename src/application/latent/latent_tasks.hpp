#pragma once

#include <string>

#include "application/gaussian/gaussian_job.hpp"

namespace kronwerk::application {

/// The tasks of a job whose observations are not Gaussian, given a latent field: logpdf, sample,
/// predict, fit and posterior. Collective.
/// @return why the result is not converged; "" if it is
std::string run_latent_task(GaussianContext& context);

/// Of these, each in its file.
std::string run_latent_predict(GaussianContext& context);
void run_latent_sample(GaussianContext& context);

}  // namespace kronwerk::application
