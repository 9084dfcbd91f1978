#pragma once

#include "application/session/job_context.hpp"

namespace kronwerk::application {

/// The task `graph`: sparse precisions of every mode, one result or a path of them. Collective.
/// @throws ConvergenceError after the result is written
void run_graph_job(const JobRun& run);
Plan plan_graph_job(const PlanRequest& request);

}  // namespace kronwerk::application
