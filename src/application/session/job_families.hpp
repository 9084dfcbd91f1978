#pragma once

#include "application/session/job_context.hpp"
#include "kronwerk/prediction/forecast.hpp"

namespace kronwerk::application {

/// Jobs that are run and planned alike. The functions are collective.
struct JobFamily {
  /// Computes the result and writes it. @throws ConvergenceError after the result is written
  void (*run)(const JobRun& run);
  /// From metadata alone; the same on every rank.
  Plan (*plan)(const PlanRequest& request);
  /// What it costs on a machine, for any number of ranks.
  prediction::Model (*forecast)(const PlanRequest& request);
};

/// The family that a job is of: the one place where tasks are told apart before they run.
JobFamily family_of(const configuration::Job& job);

}  // namespace kronwerk::application
