#pragma once

#include <optional>

#include "application/restart/checkpoint.hpp"
#include "kronwerk/models/fit/fit.hpp"

namespace kronwerk::application {

/// Keeps a fit's evaluations for a run that goes on. Collective.
void keep_fit(Checkpoint& checkpoint, const models::FitState& state);

/// Those that an earlier run has kept, which is said. Local.
std::optional<models::FitState> kept_fit(Checkpoint& checkpoint);

}  // namespace kronwerk::application
