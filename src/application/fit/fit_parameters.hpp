#pragma once

#include <vector>

#include "kronwerk/configuration/job.hpp"
#include "kronwerk/io/files/result_file.hpp"
#include "kronwerk/models/fit/fit.hpp"

namespace kronwerk::application {

/// "normal(0, 10)"; none: flat. @throws ConfigurationError, naming the place, for what is no prior
std::optional<models::Prior> prior_of(
    const configuration::Job& job,
    const std::optional<configuration::Placed<std::string>>& requested);

/// The parameters that a fit estimates or a posterior is of, with what the user says of them.
/// @throws ConfigurationError for a prior that is none
std::vector<models::FitParameter> parameters_to_fit(const configuration::Job& job);

/// /parameters of those that it does not estimate. Collective.
void write_held_parameters(io::ResultFile& file, const configuration::Job& job);

}  // namespace kronwerk::application
