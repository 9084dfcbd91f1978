#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "application/gaussian/gaussian_model.hpp"
#include "application/gaussian/kept_slices.hpp"
#include "application/gaussian/observations.hpp"
#include "application/session/job_context.hpp"
#include "application/tasks/solve_quality.hpp"
#include "kronwerk/models/density/log_density.hpp"
#include "kronwerk/models/fit/fit.hpp"

namespace kronwerk::application {

/// What the Gaussian tasks work with besides.
struct GaussianContext : JobContext {
  GaussianModel& model;
  std::shared_ptr<operators::Workspace> workspace;
  Parameters parameters;

  const configuration::GaussianRequest& request() const { return *job.gaussian; }
};

/// The tasks. Each computes and writes its datasets, sets its report's attributes and summary, and
/// prints a line per stage; collective.
/// @return why a result is not accurate, or not converged; empty if it is
std::string run_logpdf(GaussianContext& context);
void run_sample(GaussianContext& context);
std::string run_predict(GaussianContext& context);
std::string run_fit(GaussianContext& context);
std::string run_posterior(GaussianContext& context);

/// A log density to be maximised. Both are collective.
struct FittedDensity {
  /// With the gradient by these parameters; says how in `method`. Throws DataError at points to be
  /// avoided.
  std::function<models::Evaluation(const Parameters&, const std::vector<std::string>& names,
                                   std::string& method)>
      evaluate;
  /// Judges the point that was found and sets the report's attributes; returns what is wrong with
  /// it, or "".
  std::function<std::string(const Parameters&, bool converged)> judge;
};
/// Estimates the parameters that the job names, and writes them.
/// @return why it did not converge; "" if it did
std::string fit_density(GaussianContext& context, const FittedDensity& density);

/// The attributes and lines of the solves with a covariance, and `converged`.
/// @param converged  whether what they are part of did
/// @return what the job fails with; empty if all solves were accepted
std::string write_solves(GaussianContext& context, const SolveQuality& solves,
                         bool converged = true);

/// How many draws over `points` cells are made at a time.
Index draws_per_block(int ranks, Index points, Index draws);

/// Covariances, their bases and derivatives per node, observations and draws per rank; from
/// metadata. Collective.
methods::MemoryNeeds estimate_gaussian_memory(const communication::Communicator& comm,
                                              const configuration::Job& job,
                                              const GaussianModel& model, int ranks, int nodes);

/// A whole Gaussian job. Collective. @throws ConvergenceError after the result is written
void run_gaussian_job(const JobRun& run);
Plan plan_gaussian_job(const PlanRequest& request);

}  // namespace kronwerk::application
