#include "application/gaussian/gaussian_job.hpp"

#include <fmt/format.h>

#include <optional>

#include "application/inputs/problem.hpp"
#include "application/inputs/vector_shape.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/io/hdf5/read.hpp"

namespace kronwerk::application {
namespace {

using configuration::Task;

void report_jitter(const GaussianModel& model, Report& report) {
  for (const auto& [name, kernel] : model.kernels()) {
    if (kernel.jitter == 0) continue;
    report.set("jitter_" + name, kernel.jitter);
    report.line(fmt::format("jitter      {:g} on the diagonal of {}", kernel.jitter, name));
  }
}

std::string run_task(GaussianContext& context) {
  switch (context.job.task) {
    case Task::logpdf:
      run_logpdf(context);
      return "";
    case Task::sample:
      run_sample(context);
      return "";
    case Task::predict:
      run_predict(context);
      return "";
    default:
      return run_fit(context);
  }
}

}  // namespace

MemoryNeeds estimate_gaussian_memory(const communication::Communicator& comm,
                                     const configuration::Job& job, const GaussianModel& model,
                                     int ranks, int nodes) {
  MemoryNeeds needs;
  needs.ranks = ranks;
  needs.nodes = nodes;
  needs.base_bytes_per_rank = base_bytes_per_rank;
  const auto& request = *job.gaussian;
  for (const Index extent : model.extents()) {
    const auto n = static_cast<double>(extent);
    // The factor, its eigenvectors, and the derivatives by the parameters of its kernel.
    const bool differentiates = job.gradient.has_value() || job.task == Task::fit;
    needs.factor_bytes_per_node += 8 * n * n * (differentiates ? 5 : 3);
  }
  Index count = 1;
  if (request.observations) {
    const auto& data = request.observations->data;
    const auto info = io::inspect(comm, to_location(data));
    count = match_shape(info.shape, model.extents(), data.file + ":" + data.dataset).count;
  }
  const auto points = static_cast<double>(core::product(model.extents()));
  double vectors = 6 * static_cast<double>(count);
  if (request.draws > 0) {
    const auto block =
        static_cast<double>(draws_per_block(ranks, core::product(model.extents()), request.draws));
    vectors += (job.task == Task::sample ? 2 : 4) * block;
  }
  needs.vector_bytes_per_rank = 8 * points * vectors / ranks;
  return needs;
}

std::string run_gaussian(const communication::Communicator& comm, const configuration::Job& job,
                         Stages& stages, Report& report, io::ResultFile& file) {
  std::optional<GaussianModel> model;
  stages.run("load", [&] {
    model.emplace(comm, job);
    check_memory(comm, estimate_gaussian_memory(comm, job, *model, comm.size(), comm.node_count()));
  });
  stages.report("load", fmt::format("{} on {} cells ({})", model->text(),
                                    core::format_count(core::product(model->extents())),
                                    core::to_text(model->extents())));
  for (const std::string& text : model->warnings()) stages.warn(text);
  GaussianContext context{
      comm, job, stages, report, file, *model, std::make_shared<operators::Workspace>(comm), {}};
  for (const auto& [name, value] : job.parameters) context.parameters[name] = value.value;
  report_jitter(*model, report);
  return run_task(context);
}

}  // namespace kronwerk::application
