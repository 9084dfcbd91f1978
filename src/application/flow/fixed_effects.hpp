#pragma once

#include "application/flow/flow_job.hpp"
#include "kronwerk/models/flow/fixed_effects.hpp"

namespace kronwerk::application {

/// @throws ConfigurationError where the filter does not map the fixed effects of a fit to such,
/// naming the matrix and the row that are in the way
void check_fixed_effects(const Problem& problem, const models::FlowFilter& filter,
                         const models::FlowMatrices& matrices);

/// @throws ConfigurationError if the job has fixed effects: those of a Gaussian model are absorbed
/// where all flows were observed
void refuse_effects_of_missing(const FlowContext& context);

/// /fixed_effects/origin and /fixed_effects/destination, how many they are in the report, and a
/// line. Collective.
void write_fixed_effects(FlowContext& context, const models::EffectValues& effects);

/// Those of the fit that the job has its estimates from. Collective.
/// @throws ConfigurationError if the job has fixed effects and the fit has not, or the other way
/// round, DataError for those of other regions
models::EffectValues read_fixed_effects(const FlowContext& context);

}  // namespace kronwerk::application
