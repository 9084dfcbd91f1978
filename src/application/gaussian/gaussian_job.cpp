#include "application/gaussian/gaussian_job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "application/inputs/problem.hpp"
#include "application/inputs/vector_shape.hpp"
#include "application/latent/latent_tasks.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/io/hdf5/read.hpp"
#include "kronwerk/models/laplace/laplace.hpp"

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
  if (context.request().likelihood) return run_latent_task(context);
  switch (context.job.task) {
    case Task::logpdf:
      return run_logpdf(context);
    case Task::sample:
      run_sample(context);
      return "";
    case Task::predict:
      return run_predict(context);
    case Task::fit:
      return run_fit(context);
    case Task::posterior:
      return run_posterior(context);
    case Task::apply:
    case Task::solve:
    case Task::logdet:
    case Task::assemble:
    case Task::project:
    case Task::graph:
    case Task::trace:
    case Task::diagonal:
    case Task::eigenvalues:
    case Task::expm:
    case Task::effects:
    case Task::reduce:
      break;
  }
  throw core::InternalError("a task without a Gaussian model was run as one of such a model");
}

/// What is kept when a job computes again.
struct Kept {
  std::optional<GaussianModel> model;
  std::shared_ptr<operators::Workspace> workspace;
};

/// @return why it did not converge; "" if it did
std::string run_gaussian(const JobContext& job, Kept& kept) {
  const communication::Communicator& comm = job.comm;
  std::optional<GaussianModel>& model = kept.model;
  job.stages.run("load", [&] {
    if (model) return model->forget();
    kept.workspace = std::make_shared<operators::Workspace>(comm);
    model.emplace(comm, job.job);
    check_memory(comm,
                 estimate_gaussian_memory(comm, job.job, *model, comm.size(), comm.node_count()));
  });
  job.stages.report("load", fmt::format("{} on {} cells ({})", model->text(),
                                        core::format_count(core::product(model->extents())),
                                        core::to_text(model->extents())));
  for (const std::string& text : model->warnings()) job.stages.warn(text);
  GaussianContext context{job, *model, kept.workspace, {}};
  for (const auto& [name, value] : job.job.parameters) context.parameters[name] = value.value;
  report_jitter(*model, job.report);
  return run_task(context);
}

}  // namespace

std::string write_solves(GaussianContext& context, const SolveQuality& solves, bool converged) {
  const std::string& failure = solves.failure();
  solves.write(context.report, failure);
  context.report.set("converged", Index{converged && failure.empty() ? 1 : 0});
  if (failure.empty()) return "";
  return fmt::format(
      "the solve with the covariance is not accurate: {}; what was reached was written to {} with "
      "converged = 0. Give the model more noise, or raise solver.tolerance (now {:g})",
      failure, context.job.output.file, context.job.solver.tolerance);
}

methods::MemoryNeeds estimate_gaussian_memory(const communication::Communicator& comm,
                                              const configuration::Job& job,
                                              const GaussianModel& model, int ranks, int nodes) {
  methods::MemoryNeeds needs;
  needs.ranks = ranks;
  needs.nodes = nodes;
  needs.base_bytes_per_rank = methods::base_bytes_per_rank;
  const auto& request = *job.gaussian;
  for (std::size_t mode = 0; mode < model.extents().size(); ++mode) {
    // Sparse factors and their Cholesky factors are small beside the vectors.
    if (model.sparse_modes()[mode] && job.gaussian->new_points.empty()) continue;
    const auto n = static_cast<double>(model.extents()[mode]);
    // The factor, its eigenvectors, and the derivatives by the parameters of its kernel.
    const bool differentiates = job.gradient.has_value() || job.estimates();
    needs.factor_bytes_per_node += 8 * n * n * (differentiates ? 5 : 3);
  }
  // Draws of the field by itself and counts need no such matrix.
  if (job.task != Task::sample && !request.likelihood) {
    needs.factor_bytes_per_node += model.ones().bytes_per_node();
  }
  Index count = 1;
  if (request.observations) {
    const auto& data = request.observations->data;
    const auto info = io::inspect(comm, to_location(data));
    count = match_shape(info.shape, model.extents(), data.file + ":" + data.dataset).count;
  }
  const auto points = static_cast<double>(core::product(model.extents()));
  // The last three are a judged solve's.
  double vectors = 9 * static_cast<double>(count);
  if (request.draws > 0) {
    const auto block =
        static_cast<double>(draws_per_block(ranks, core::product(model.extents()), request.draws));
    vectors += (job.task == Task::sample ? 2 : 4) * block;
  }
  needs.vector_bytes_per_rank = 8 * points * vectors / ranks;
  if (request.likelihood) {
    // Newton's method and its systems; and B, its factor and its inverse on every rank.
    needs.vector_bytes_per_rank += 8 * points * 20 / ranks;
    const double cells =
        std::min(points, static_cast<double>(models::LaplaceSettings{}.exact_limit));
    needs.vector_bytes_per_rank += 8 * cells * cells * 2;
  }
  return needs;
}

void run_gaussian_job(const JobRun& run) {
  Kept kept;
  const std::string failure =
      write_result(run, [&](const JobContext& context) { return run_gaussian(context, kept); });
  if (!failure.empty()) throw core::ConvergenceError(failure);
}

Plan plan_gaussian_job(const PlanRequest& request) {
  const GaussianModel model(request.comm, request.job);
  const std::string grid = fmt::format("{} ({} cells)", core::to_text(model.extents()),
                                       core::format_count(core::product(model.extents())));
  const char* method =
      request.job.gaussian->likelihood && request.job.task != Task::sample
          ? "Laplace's method: Newton's, with conjugate gradients preconditioned by "
            "the product nearest to the weights"
      : request.job.task == Task::sample ? "square roots of the factors, mode by mode"
      : model.ones().needed && !model.ones().update
          ? "a dense core of the coordinates that terms with ones act on together"
          : "eigenvectors of the factors of each mode (Cholesky without noise), "
            "kept as long as the factors do not change";
  return {{{"covariance", model.text()}, {"grid", grid}},
          {{"method", method}},
          estimate_gaussian_memory(request.comm, request.job, model, request.ranks, request.nodes)};
}

}  // namespace kronwerk::application
