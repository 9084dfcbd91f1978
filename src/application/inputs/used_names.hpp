#pragma once

#include <string>
#include <vector>

#include "kronwerk/configuration/job.hpp"

namespace kronwerk::application {

/// Every name that one of the job's formulas uses.
std::vector<std::string> names_in_formulas(const configuration::Job& job);

/// What is defined and not used is a misspelling more often than not. A formula that calls what is
/// no function passes, since its analysis says what is wrong.
/// @throws ConfigurationError with the nearest name that is used and not defined
void check_used(const configuration::Job& job);

/// Takes parameters, matrices, kernels and variables out of a job one of whose formulas was
/// replaced on the command line, where they are no longer used, with warnings.
void drop_unused(configuration::Job& job);

}  // namespace kronwerk::application
