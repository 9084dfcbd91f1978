#include "application/forecast/forecast.hpp"

namespace kronwerk::application {

prediction::Model forecast_projection_job(const PlanRequest& /*request*/) {
  return not_modelled("the task project");
}

prediction::Model forecast_graph_job(const PlanRequest& /*request*/) {
  return not_modelled("the task graph");
}

}  // namespace kronwerk::application
