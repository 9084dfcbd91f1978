// Predicted times of log densities of Gaussian fields.
#include <fmt/format.h>

#include <algorithm>

#include "application/forecast/forecast.hpp"
#include "application/forecast/pair_costs.hpp"
#include "application/gaussian/gaussian_model.hpp"
#include "application/inputs/vector_shape.hpp"
#include "kronwerk/io/hdf5/read.hpp"
#include "kronwerk/prediction/models.hpp"

namespace kronwerk::application {
namespace {

using configuration::Task;

std::string left_out(const configuration::Job& job, const GaussianModel& model) {
  if (job.task != Task::logpdf) {
    return fmt::format("the task {} of Gaussian models", configuration::task_name(job.task));
  }
  if (job.gaussian->likelihood) return "likelihoods other than Gaussian";
  if (job.gradient && job.gradient->input) return "gradients by the observations";
  if (!job.gaussian->mean.columns.empty()) return "Gaussian models with a mean";
  const bool kernels_only = model.kernels().size() == model.extents().size();
  return kernels_only ? "" : "covariances other than one kernel for each mode";
}

prediction::KernelWork work_of(const KernelMatrix& kernel, const std::vector<std::string>& wanted,
                               std::vector<std::string>& scales) {
  prediction::KernelWork work;
  work.extent = static_cast<double>(kernel.rows);
  work.cost = relative_cost(kernel.formula);
  const auto used = kernel.formula.parameters();
  for (const std::string& name : wanted) {
    if (!used.contains(name)) continue;
    work.derivatives.push_back(relative_cost(kernels::differentiate(kernel.formula, name)));
    std::erase(scales, name);
  }
  return work;
}

}  // namespace

prediction::Model forecast_gaussian_job(const PlanRequest& request) {
  const configuration::Job& job = request.job;
  const GaussianModel model(request.comm, job);
  const std::string missing = left_out(job, model);
  if (!missing.empty()) return not_modelled(missing);
  std::vector<std::string> wanted;
  if (job.gradient) {
    for (const auto& parameter : job.gradient->parameters) wanted.push_back(parameter.value);
  }
  prediction::DensityWork work;
  work.extents = model.extents();
  std::vector<std::string> scales = wanted;
  for (const auto& [name, kernel] : model.kernels()) {
    work.kernels.push_back(work_of(kernel, wanted, scales));
    work.datasets += 1;
  }
  work.scales = static_cast<int>(scales.size());
  const auto& data = job.gaussian->observations->data;
  const auto info = io::inspect(request.comm, to_location(data));
  work.observations =
      match_shape(info.shape, model.extents(), data.file + ":" + data.dataset).count;
  work.input_bytes = 8 * static_cast<double>(core::product(info.shape));
  prediction::Model result;
  result.assumptions.emplace_back("every cell was observed");
  result.stages = [work](const prediction::Pricing& pricing) {
    return prediction::price_density(pricing, work);
  };
  return result;
}

}  // namespace kronwerk::application
