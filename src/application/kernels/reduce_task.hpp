#pragma once

#include "application/session/job_context.hpp"

namespace kronwerk::application {

/// The task `reduce`: reductions of a kernel formula over one index of its points, written to
/// /result/<reduction> and /result/<reduction>_index, with gradients. Collective.
void run_reduce_job(const JobRun& run);
Plan plan_reduce_job(const PlanRequest& request);

}  // namespace kronwerk::application
