#pragma once

#include "kronwerk/models/fit/fit.hpp"

namespace kronwerk::models {

/// @param kept  a state to resume
/// @param now   of the fit that is to go on from it
/// @throws ConfigurationError unless both have the same variables, seed and number of starts
void check_same_fit(const FitState& kept, const FitState& now);

}  // namespace kronwerk::models
