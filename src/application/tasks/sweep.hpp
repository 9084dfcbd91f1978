#pragma once

#include <string>

#include "application/session/job_context.hpp"

namespace kronwerk::application {

/// "20 points: rho_o (2) x rho_d (10)"
std::string sweep_text(const configuration::Job& job);

/// Runs the job's task for all combinations of the swept parameters, with data, factorisations and
/// decompositions kept between them. Each finished point is a result of its own in the
/// checkpoint's folder until all are done, so that the same command goes on after a kill; then they
/// are stacked into the target. Collective.
/// @throws ConvergenceError after the result is written if a point did not converge
void run_sweep(const JobRun& run);

}  // namespace kronwerk::application
