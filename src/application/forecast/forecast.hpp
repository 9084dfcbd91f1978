#pragma once

#include "application/session/job_context.hpp"
#include "kronwerk/prediction/forecast.hpp"

namespace kronwerk::application {

// What jobs of each family will cost. Collective; the models are pure afterwards.
prediction::Model forecast_operator_job(const PlanRequest& request);
prediction::Model forecast_gaussian_job(const PlanRequest& request);
prediction::Model forecast_reduce_job(const PlanRequest& request);
prediction::Model forecast_flow_job(const PlanRequest& request);
prediction::Model forecast_projection_job(const PlanRequest& request);
prediction::Model forecast_graph_job(const PlanRequest& request);

/// "no prediction for …".
prediction::Model not_modelled(const std::string& what);

}  // namespace kronwerk::application
