#include "application/gaussian_job.hpp"

#include <fmt/format.h>

#include <optional>

#include "kronwerk/core/text.hpp"

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

std::string run_gaussian(const communication::Communicator& comm, const configuration::Job& job,
                         Stages& stages, Report& report, io::ResultFile& file) {
  std::optional<GaussianModel> model;
  stages.run("load", [&] { model.emplace(comm, job); });
  stages.report("load", fmt::format("{} on {} cells ({})", model->text(),
                                    core::format_count(core::product(model->extents())),
                                    core::to_text(model->extents())));
  GaussianContext context{
      comm, job, stages, report, file, *model, std::make_shared<operators::Workspace>(comm), {}};
  for (const auto& [name, value] : job.parameters) context.parameters[name] = value.value;
  report_jitter(*model, report);
  return run_task(context);
}

}  // namespace kronwerk::application
