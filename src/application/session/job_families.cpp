#include "application/session/job_families.hpp"

#include "application/flow/flow_job.hpp"
#include "application/forecast/forecast.hpp"
#include "application/gaussian/gaussian_job.hpp"
#include "application/graph/graph_job.hpp"
#include "application/kernels/reduce_task.hpp"
#include "application/tasks/operator_job.hpp"
#include "application/tasks/project_task.hpp"

namespace kronwerk::application {

JobFamily family_of(const configuration::Job& job) {
  using configuration::Task;
  if (job.flow) return {run_flow_job, plan_flow_job, forecast_flow_job};
  switch (job.task) {
    case Task::apply:
    case Task::solve:
    case Task::logdet:
    case Task::assemble:
    case Task::trace:
    case Task::diagonal:
    case Task::eigenvalues:
    case Task::expm:
      return {run_operator_job, plan_operator_job, forecast_operator_job};
    case Task::project:
      return {run_projection_job, plan_projection_job, forecast_projection_job};
    case Task::graph:
      return {run_graph_job, plan_graph_job, forecast_graph_job};
    case Task::logpdf:
    case Task::sample:
    case Task::predict:
    case Task::fit:
    case Task::posterior:
      return {run_gaussian_job, plan_gaussian_job, forecast_gaussian_job};
    case Task::effects:
      break;  // of flow models only
    case Task::reduce:
      return {run_reduce_job, plan_reduce_job, forecast_reduce_job};
  }
  throw core::InternalError("a task belongs to no family of jobs");
}

}  // namespace kronwerk::application
