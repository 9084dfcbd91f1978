#include "application/tasks/project_task.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "application/inputs/trace_rule.hpp"
#include "application/inputs/vector_reader.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/operators/grids/grams.hpp"

namespace kronwerk::application {
namespace {

using configuration::Job;
using operators::KroneckerSumFit;
using Kind = ProjectionInput::Kind;

constexpr double bytes_per_block = 128e6;

std::size_t size_of(const distribution::Layout& layout, int rank) {
  return static_cast<std::size_t>(layout.home_size(rank));
}

class ProjectTask {
 public:
  ProjectTask(const JobContext& context, const ProjectionInput& input)
      : comm_(context.comm),
        job_(context.job),
        input_(input),
        stages_(context.stages),
        report_(context.report),
        file_(context.file) {}

  std::string run() {
    if (job_.projection->onto == configuration::ProjectionTarget::kron) return run_product();
    switch (input_.kind) {
      case Kind::vector:
        finish(project_vector(), false);
        break;
      case Kind::matrix:
        finish(project_matrix(), true);
        break;
      case Kind::samples:
        finish(project_samples(), true);
        break;
    }
    return "";
  }

 private:
  operators::TraceRule rule() const { return to_trace_rule(job_.projection->trace); }

  VectorReader reader(const Extents& grid) const {
    return {comm_, job_, *job_.input, "input", grid};
  }

  KroneckerSumFit project_vector() {
    const VectorReader source = reader(input_.extents);
    const int modes = static_cast<int>(input_.extents.size());
    const distribution::Layout layout(input_.extents, modes, comm_.size());
    std::vector<double> values(size_of(layout, comm_.rank()));
    stages_.run("read", [&] { source.read(0, layout, values); });
    stages_.report("read", input_.text());
    KroneckerSumFit fit;
    stages_.run("project", [&] {
      fit = operators::project_vector(comm_, input_.extents, layout.home_begin(comm_.rank()),
                                      values, rule());
    });
    stages_.report("project", "one pass, one reduction");
    return fit;
  }

  /// Blocks of rows, each spread over the ranks.
  KroneckerSumFit project_matrix() {
    const Index size = input_.rows;
    const VectorReader source = reader({size});
    operators::MatrixProjection projection(comm_, input_.extents);
    const auto fitting = static_cast<Index>(bytes_per_block / 8) / size;
    const Index step = std::max<Index>(1, fitting) * comm_.size();
    std::vector<double> values;
    for (Index first = 0; first < size; first += step) {
      const Index rows = std::min(step, size - first);
      stages_.progress().set("row", first, size);
      const distribution::Layout layout({rows, size}, 1, comm_.size());
      values.resize(size_of(layout, comm_.rank()));
      stages_.run("read", [&] { source.read(first, layout, values); });
      stages_.run("project",
                  [&] { projection.add_rows(first + layout.home().begin(comm_.rank()), values); });
    }
    stages_.report("read", input_.text());
    KroneckerSumFit fit;
    stages_.run("project", [&] { fit = projection.finish(rule()); });
    stages_.report("project", "one pass, one reduction");
    return fit;
  }

  KroneckerSumFit project_samples() {
    const VectorReader source = reader(input_.extents);
    const auto workspace = std::make_shared<communication::SharedBlocks>(comm_);
    operators::ModeGrams grams(comm_, workspace, input_.extents, input_.compare_samples);
    std::vector<double> values;
    for (Index first = 0; first < input_.samples; first += input_.samples_per_block) {
      const Index count = std::min(input_.samples_per_block, input_.samples - first);
      stages_.progress().set("sample", first, input_.samples);
      const distribution::Layout layout = grams.layout(count);
      values.resize(size_of(layout, comm_.rank()));
      stages_.run("read", [&] { source.read(first, layout, values); });
      stages_.run("project", [&] { grams.add(count, values); });
    }
    stages_.report("read", input_.text());
    std::vector<std::vector<double>> matrices;
    stages_.run("project", [&] { matrices = grams.finish(); });
    stages_.report("project", "a symmetric rank update per mode, one reduction");
    stages_.run("write", [&] {
      for (std::size_t k = 0; k < matrices.size(); ++k) {
        const Index n = input_.extents[k];
        write(fmt::format("/gram/{}", k + 1), {n, n}, matrices[k]);
      }
    });
    return operators::project_gram(input_.extents, std::move(matrices), rule(),
                                   grams.operator_norm());
  }

  std::string run_product() {
    const VectorReader source = reader({input_.columns});
    const distribution::Layout layout({input_.rows, input_.columns}, 1, comm_.size());
    std::vector<double> values(size_of(layout, comm_.rank()));
    stages_.run("read", [&] { source.read(0, layout, values); });
    stages_.report("read", input_.text());
    const auto& request = *job_.projection;
    operators::ProductShape shape;
    for (std::size_t side = 0; side < 2; ++side) {
      shape.rows[side] = input_.extents[side];
      shape.cols[side] = request.columns[side];
    }
    operators::NearestKroneckerProduct found;
    stages_.run("project", [&] {
      found = operators::nearest_kronecker_product(comm_, shape, layout.home().begin(comm_.rank()),
                                                   values, job_.solver.tolerance,
                                                   2 * job_.solver.max_iterations);
    });
    stages_.report("project", fmt::format("Lanczos bidiagonalisation, {} passes", found.passes));
    stages_.run("write", [&] {
      for (std::size_t side = 0; side < 2; ++side) {
        write(fmt::format("/factor/{}", side + 1), {shape.rows[side], shape.cols[side]},
              found.factors[side]);
      }
    });
    report_.set("method", "leading singular pair of the rearrangement, by Lanczos");
    report_.set("iterations", found.passes / 2);
    report_.set("converged", Index{found.converged ? 1 : 0});
    report_fit(found.norm, found.relative_error);
    return found.converged ? "" : "the singular pair has not settled";
  }

  void report_fit(double norm, double residual) {
    report_.set("norm", norm);
    report_.set("relative_residual", residual);
    report_.line(fmt::format("residual    {:.6g} of the norm {:.10g}", residual, norm));
  }

  void finish(const KroneckerSumFit& fit, bool matrices) {
    stages_.run("write", [&] {
      for (std::size_t k = 0; k < fit.factors.size(); ++k) {
        const Index n = input_.extents[k];
        write(fmt::format("/factor/{}", k + 1), matrices ? Extents{n, n} : Extents{n},
              fit.factors[k]);
      }
      file_.write_scalar("/offset", fit.offset);
    });
    const std::string& trace = configuration::find_entry("trace")
                                   ->choices[static_cast<std::size_t>(job_.projection->trace)];
    report_.set("method", "means over the other modes, trace: " + trace);
    report_.set("converged", Index{1});
    report_.set("mean", fit.mean);
    if (input_.kind == Kind::samples && !input_.compare_samples) {
      report_.line(
          fmt::format("mean        {:.10g} of the squares (residual not computed: it would "
                      "take all products of {} samples)",
                      fit.mean, core::format_count(input_.samples)));
      return;
    }
    report_fit(fit.norm, fit.residual);
    report_.set("explained", fit.explained);
    report_.line(fmt::format("explained   {:.6g} of the variance about the mean {:.10g}",
                             fit.explained, fit.mean));
  }

  /// Rank 0 has it, like every rank.
  void write(const std::string& path, const Extents& shape, std::span<const double> values) {
    check_finite(comm_, values, path);
    file_.create_dataset(path, shape);
    file_.write_range(path, 0, comm_.is_root() ? values : std::span<const double>());
  }

  const communication::Communicator& comm_;
  const Job& job_;
  const ProjectionInput& input_;
  Stages& stages_;
  Report& report_;
  io::ResultFile& file_;
};

}  // namespace

void run_projection_job(const JobRun& run) {
  const communication::Communicator& comm = run.comm;
  const Job& job = run.job;
  ProjectionInput input;
  run.stages.run("analyse", [&] {
    input = examine_projection(comm, job, comm.size());
    check_memory(comm, estimate_projection_memory(job, input, comm.size(), comm.node_count()));
  });
  run.stages.report("analyse", input.text());
  const std::string failure = write_result(
      run, [&](const JobContext& context) { return ProjectTask(context, input).run(); });
  if (failure.empty()) return;
  throw core::ConvergenceError(
      fmt::format("{} to the tolerance {:g} within {} steps; the last factors were written to {} "
                  "with converged = 0. Raise solver.max_iterations or solver.tolerance",
                  failure, job.solver.tolerance, job.solver.max_iterations, job.output.file));
}

}  // namespace kronwerk::application
