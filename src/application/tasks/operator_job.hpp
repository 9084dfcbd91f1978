#pragma once

#include <memory>
#include <string>

#include "application/inputs/problem.hpp"
#include "application/inputs/problem_data.hpp"
#include "application/session/job_context.hpp"

namespace kronwerk::application {

/// A job of an operator formula: by its factors, by a kernel that is not stored, or at all points
/// of a sweep. Collective. @throws ConvergenceError after the result is written
void run_operator_job(const JobRun& run);
Plan plan_operator_job(const PlanRequest& request);

/// Lowers the operator and its derivatives and runs the task; returns why an iterative solve did
/// not converge, or "". Collective.
/// @param job  of the problem; its result is open
std::string compute_result(const JobContext& job, const Problem& problem, ProblemData& data,
                           std::shared_ptr<operators::Workspace> workspace);

}  // namespace kronwerk::application
