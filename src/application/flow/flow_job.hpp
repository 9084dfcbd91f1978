#pragma once

#include <string>
#include <vector>

#include "application/flow/flow_model.hpp"
#include "application/session/job_context.hpp"
#include "kronwerk/models/flow/fixed_effects.hpp"

namespace kronwerk::application {

/// What the tasks of flow models work with besides.
struct FlowContext : JobContext {
  FlowModel& model;

  const configuration::FlowRequest& request() const { return *job.flow; }
  models::FilterActsOn acts_on() const {
    return request().acts_on == configuration::FilterActsOn::errors
               ? models::FilterActsOn::errors
               : models::FilterActsOn::response;
  }
};

/// The tasks. Each writes its datasets, sets its report's attributes and summary, and prints a line
/// per stage; collective. @return why the job did not converge; empty if it did
std::string run_flow_fit(FlowContext& context);
std::string run_count_fit(FlowContext& context);
std::string run_flow_posterior(FlowContext& context);
std::string run_count_posterior(FlowContext& context);
std::string run_flow_sample(FlowContext& context);
std::string run_flow_effects(FlowContext& context);
std::string run_flow_predict(FlowContext& context);
std::string run_count_predict(FlowContext& context);

/// Up to so many variables of counts second derivatives are worth their cost.
inline constexpr std::size_t most_by_newton = 60;
/// Whether a fit or posterior of counts goes by gradients alone: as the user says, else for many
/// variables.
bool fits_by_gradients(const configuration::Job& job, const FlowModel& model);
/// @param derivatives  with those of η by all variables of a fit of counts. Collective
methods::MemoryNeeds estimate_flow_memory(const communication::Communicator& comm,
                                          const configuration::Job& job, const FlowModel& model,
                                          int ranks, int nodes, bool derivatives);

/// Zδ with the fixed effects, this rank's rows of origins. Collective.
std::vector<double> trend_of(const FlowContext& context, std::span<const double> coefficients,
                             const models::EffectValues& effects);

/// A whole job of a flow model. Collective. @throws ConvergenceError after the result is written
void run_flow_job(const JobRun& run);
Plan plan_flow_job(const PlanRequest& request);

}  // namespace kronwerk::application
