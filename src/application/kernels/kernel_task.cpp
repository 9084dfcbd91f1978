// Jobs of one kernel matrix plus a multiple of the identity, whose entries are not stored.
#include <fmt/format.h>

#include "application/determinants/estimate_text.hpp"
#include "application/inputs/vector_reader.hpp"
#include "application/kernels/kernel_gradient.hpp"
#include "application/restart/kept_iterate.hpp"
#include "application/tasks/solve_quality.hpp"
#include "application/tasks/vector_task.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::application {
namespace {

using configuration::Task;
using core::Extents;
using operators::KernelOperator;

operators::KernelMethod solver_method(configuration::Method method) {
  switch (method) {
    case configuration::Method::automatic:
      return operators::KernelMethod::automatic;
    case configuration::Method::direct:
      return operators::KernelMethod::direct;
    case configuration::Method::krylov:
      return operators::KernelMethod::krylov;
  }
  throw core::InternalError("a method of kernel systems without a solver");
}

operators::KernelPreconditioner solver_preconditioner(
    configuration::KernelPreconditioner preconditioner) {
  switch (preconditioner) {
    case configuration::KernelPreconditioner::automatic:
      return operators::KernelPreconditioner::automatic;
    case configuration::KernelPreconditioner::cholesky:
      return operators::KernelPreconditioner::pivoted_cholesky;
    case configuration::KernelPreconditioner::nystrom:
      return operators::KernelPreconditioner::nystrom;
    case configuration::KernelPreconditioner::none:
      return operators::KernelPreconditioner::none;
  }
  throw core::InternalError("a preconditioner of kernel systems without a solver");
}

operators::KernelSolverSettings solver_settings(const configuration::SolverSettings& solver,
                                                Index columns) {
  operators::KernelSolverSettings settings;
  settings.method = solver_method(solver.method);
  settings.preconditioner = solver_preconditioner(solver.preconditioner);
  settings.rank = solver.rank.value_or(0);
  settings.columns = columns;
  settings.tolerance = solver.tolerance;
  settings.max_iterations = solver.max_iterations;
  settings.seed = solver.seed;
  return settings;
}

/// One job: reads, computes, writes.
class KernelTask {
 public:
  KernelTask(const JobContext& context, const Problem& problem, const KernelSystem& system)
      : context_(context),
        comm_(context.comm),
        problem_(problem),
        system_(system),
        kernel_(problem.kernels.at(system.kernel)),
        stages_(context.stages),
        report_(context.report),
        file_(context.file),
        iterate_(context) {}

  std::string run() {
    stages_.run("load", [&] { points_.emplace(context_, problem_, system_); });
    stages_.report("load", kernel_text());
    if (problem_.job.task == Task::logdet) {
      run_logdet();
    } else {
      run_vectors();
    }
    report_.set("converged", Index{failure_.empty() ? 1 : 0});
    return failure_;
  }

 private:
  const configuration::Job& job() const { return problem_.job; }

  KernelGradient gradient() const { return {context_, problem_, system_, *points_}; }

  std::string kernel_text() const {
    return fmt::format("{} between {} and {} points, entries evaluated where they are needed",
                       kernel_.formula.text(), core::format_count(kernel_.rows),
                       core::format_count(kernel_.cols));
  }

  void run_logdet() {
    operators::StochasticValue value;
    operators::StochasticSettings settings;
    settings.probes = job().solver.probes;
    settings.seed = job().solver.seed;
    settings.steps = job().solver.max_iterations;
    stages_.run("factorise", [&] {
      auto solver = solver_settings(job().solver, job().solver.probes);
      solver.determinant = true;
      solver_.emplace(points_->make_operator(1), std::move(solver));
    });
    stages_.report("factorise", solver_->why());
    stages_.run("logdet", [&] { value = solver_->log_determinant(settings); });
    stages_.report("logdet", solver_->method());
    check_finite(value.value, "/result");
    file_.write_scalar("/result", value.value);
    file_.write_scalar("/sign", 1);
    std::string text = fmt::format("result      log|det| = {:.15g}", value.value);
    if (value.standard_error > 0) {
      file_.write_scalar("/standard_error", value.standard_error);
      file_.write_scalar("/quadrature_error", value.quadrature_error);
      report_.set("iterations", value.steps);
      text += " " + error_text(value);
    }
    if (!value.settled) failure_ = not_settled_text(value);
    report_.line(text);
    report_.set("method", solver_->why());
    if (!job().gradient) return;
    stages_.run("gradient", [&] { gradient().write_of_logdet(*solver_, value.value, settings); });
    stages_.report("gradient", "traces, by the kernel's derivative");
  }

  void run_vectors() {
    const bool solves = job().task == Task::solve;
    const Extents in{solves ? kernel_.rows : kernel_.cols};
    const Extents out{solves ? kernel_.cols : kernel_.rows};
    const VectorReader reader(comm_, job(), *job().input, "input", in);
    const Index width = reader.shape().count;
    const SideBySide in_block(comm_, in[0], width);
    const SideBySide out_block(comm_, out[0], width);
    std::vector<double> input;
    stages_.run("read", [&] {
      const distribution::Layout layout(in, 1, comm_.size());
      Index c = 0;
      input = in_block.read([&](Index, std::span<double> one) { reader.read(c++, layout, one); });
    });
    const auto op = points_->make_operator(width);
    std::vector<double> result(static_cast<std::size_t>(out_block.size()), 0.0);
    if (solves) {
      start(reader, out_block, result);
      solve(op, input, result, width);
      iterate_.end(result);
    } else {
      stages_.run("apply", [&] { op->multiply(input, result, width); });
      stages_.report("apply", fmt::format("{} vectors side by side", width));
      report_.set("method", std::string("tiles of pairs; blocks travel round a ring of ranks"));
    }
    check_finite(comm_, result, "/result");
    Statistics statistics;
    statistics.add(result);
    report_.line("result      " + statistics.text(comm_));
    stages_.run("write", [&] {
      file_.create_dataset("/result", dataset_shape(reader.shape(), out));
      out_block.write(file_, "/result", result);
    });
    if (job().gradient) {
      stages_.run("gradient", [&] {
        const auto g = cotangent(reader, result, out_block);
        if (solves) {
          add_quality(Direction::adjoint,
                      gradient().write_of_solve(reader, *solver_, input, result, g, in_block));
        } else {
          gradient().write_of_apply(reader, *op, input, g, in_block);
        }
      });
      stages_.report("gradient", "by the kernel's derivative");
    }
    if (quality_) quality_->write(report_, failure_);
  }

  /// Where iterations start: at what an earlier run has kept, or at the job's guess, or at zero.
  void start(const VectorReader& input, const SideBySide& block, std::vector<double>& x) {
    iterate_.begin("solve", block.size_of_all(), block.offset());
    guess_ = open_initial_guess(comm_, job(), Extents{kernel_.cols}, input.shape().count);
    stages_.run("read", [&] {
      if (iterate_.start(x) || !guess_) return;
      const distribution::Layout layout(Extents{kernel_.cols}, 1, comm_.size());
      Index c = 0;
      x = block.read([&](Index, std::span<double> one) { guess_->read(c++, layout, one); });
    });
  }

  void solve(const std::shared_ptr<const KernelOperator>& op, std::span<const double> b,
             std::span<double> a, Index width) {
    stages_.run("factorise", [&] {
      auto settings = solver_settings(job().solver, width * (job().gradient ? 2 : 1));
      settings.on_iteration = [this](Index iteration, double) {
        stages_.progress().set("iteration", iteration, 0);
      };
      settings.on_iterate = [this](const operators::KrylovIterate& iterate) {
        if (!adjoint_) iterate_.note(iterate);
      };
      solver_.emplace(op, std::move(settings));
    });
    stages_.report("factorise", solver_->why());
    if (guess_ && solver_->method() == "direct") warn_of_idle_guess(stages_, "direct");
    quality_.emplace(width);
    operators::KrylovOutcome outcome;
    stages_.run("solve", [&] {
      try {
        outcome = solver_->solve(b, a, width);
      } catch (const core::Terminated&) {
        // Within a product with K, which takes long.
        if (solver_->method() == "cg") iterate_.keep(a);
        throw;
      }
    });
    adjoint_ = true;  // what comes now
    stages_.report("solve",
                   fmt::format("{}, {} iterations", solver_->method(), outcome.iterations));
    file_.write_vector("/history", outcome.history);
    file_.write_vector("/residuals", outcome.residuals);
    report_.set("method", solver_->method() + ": " + solver_->why());
    report_.set("iterations", outcome.iterations);
    report_.set("preconditioner_rank", solver_->rank());
    add_quality(Direction::forward, outcome);
  }

  void add_quality(Direction direction, const operators::KrylovOutcome& outcome) {
    quality_->add(direction, verdict_of(outcome, job().solver.tolerance), 0, outcome.reason,
                  outcome.accepted_by_option);
    failure_ = quality_->failure();
  }

  std::vector<double> cotangent(const VectorReader& reader, std::span<const double> result,
                                const SideBySide& block) const {
    const auto& request = job().gradient->cotangent;
    if (request.kind == configuration::CotangentKind::result) return {result.begin(), result.end()};
    if (request.kind == configuration::CotangentKind::ones) {
      return std::vector<double>(result.size(), 1.0);
    }
    const Extents out{job().task == Task::solve ? kernel_.cols : kernel_.rows};
    const VectorReader cotangents(
        comm_, job(), configuration::VectorSource{request.dataset, {}, request.position},
        "gradient.cotangent", out);
    if (cotangents.shape().count != reader.shape().count) {
      throw core::ShapeError(fmt::format("{}: the cotangent holds {} vectors; the result has {}",
                                         job().where(request.position), cotangents.shape().count,
                                         reader.shape().count));
    }
    return block.read(
        [&](Index offset, std::span<double> one) { cotangents.read_flat(offset, one); });
  }

  const JobContext& context_;
  const communication::Communicator& comm_;
  const Problem& problem_;
  const KernelSystem& system_;
  const KernelMatrix& kernel_;
  Stages& stages_;
  Report& report_;
  io::ResultFile& file_;
  std::optional<KernelPoints> points_;
  std::optional<operators::KernelSolver> solver_;
  std::optional<SolveQuality> quality_;
  KeptIterate iterate_;
  std::optional<VectorReader> guess_;
  bool adjoint_ = false;
  std::string failure_;
};

}  // namespace

std::string run_kernel_system(const JobContext& context, const Problem& problem,
                              const KernelSystem& system) {
  return KernelTask(context, problem, system).run();
}

}  // namespace kronwerk::application
