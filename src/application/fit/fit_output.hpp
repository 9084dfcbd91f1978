#pragma once

#include <span>
#include <string>
#include <vector>

#include "kronwerk/configuration/job.hpp"
#include "kronwerk/io/files/result_file.hpp"
#include "kronwerk/models/fit/fit.hpp"

namespace kronwerk::application {

/// "rho_o = 0.2, rho_d = 0.3"
std::string numbers_text(std::span<const std::string> names, std::span<const double> values);

/// A line of a fit's table: start, step, objective, gradient (or distance), parameters.
std::string line_of(const models::FitIteration& iteration, std::span<const std::string> names);

/// What the job's user is told of a best start that did not converge.
std::string not_converged(const models::StartState& best, const configuration::Job& job);

/// /starts/parameters, /starts/objective and /starts/converged. Collective.
void write_starts(io::ResultFile& file, const models::FitState& state);

}  // namespace kronwerk::application
