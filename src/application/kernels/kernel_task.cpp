// Jobs of one kernel matrix plus a multiple of the identity, whose entries are not stored.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "application/determinants/estimate_text.hpp"
#include "application/inputs/vector_reader.hpp"
#include "application/kernels/kernel_system.hpp"
#include "application/tasks/scalar_cotangent.hpp"
#include "application/tasks/solve_quality.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/io/hdf5/read.hpp"
#include "kronwerk/operators/kernel_matrices/kernel_solver.hpp"

namespace kronwerk::application {
namespace {

using configuration::Task;
using core::Extents;
using distribution::BlockPartition;
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

/// Vectors side by side, (points of this rank x width) row-major, from and to datasets that hold
/// them one after the other.
class SideBySide {
 public:
  SideBySide(const communication::Communicator& comm, Index points, Index width)
      : begin_(BlockPartition(points, comm.size()).begin(comm.rank())),
        count_(BlockPartition(points, comm.size()).count(comm.rank())),
        points_(points),
        width_(width) {}

  Index size() const noexcept { return count_ * width_; }
  Index width() const noexcept { return width_; }

  template <typename Read>
  std::vector<double> read(Read&& read) const {
    std::vector<double> values(static_cast<std::size_t>(size()));
    std::vector<double> one(static_cast<std::size_t>(count_));
    for (Index c = 0; c < width_; ++c) {
      read(c * points_ + begin_, std::span<double>(one));
      for (Index i = 0; i < count_; ++i) {
        values[static_cast<std::size_t>(i * width_ + c)] = one[static_cast<std::size_t>(i)];
      }
    }
    return values;
  }

  void write(io::ResultFile& file, const std::string& path, std::span<const double> values) const {
    for (Index c = 0; c < width_; ++c) {
      file.write_range(path, c * points_ + begin_, column(values, c));
    }
  }

  std::vector<double> column(std::span<const double> values, Index c) const {
    std::vector<double> one(static_cast<std::size_t>(count_));
    for (Index i = 0; i < count_; ++i) {
      one[static_cast<std::size_t>(i)] = values[static_cast<std::size_t>(i * width_ + c)];
    }
    return one;
  }

 private:
  Index begin_;
  Index count_;
  Index points_;
  Index width_;
};

double dot(const communication::Communicator& comm, std::span<const double> a,
           std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return comm.sum(sum);
}

/// One job: reads, computes, writes.
class KernelTask {
 public:
  KernelTask(const JobContext& context, const Problem& problem, const KernelSystem& system)
      : comm_(context.comm),
        problem_(problem),
        system_(system),
        kernel_(problem.kernels.at(system.kernel)),
        stages_(context.stages),
        report_(context.report),
        file_(context.file) {}

  std::string run() {
    stages_.run("load", [&] { load(); });
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

  std::string kernel_text() const {
    return fmt::format("{} between {} and {} points, entries evaluated where they are needed",
                       kernel_.formula.text(), core::format_count(kernel_.rows),
                       core::format_count(kernel_.cols));
  }

  void load() {
    const auto side = [&](kernels::Axes axis, Index points) {
      const BlockPartition blocks(points, comm_.size());
      return kernels::DistributedSide{
          blocks, read_side(comm_, kernel_.variables, axis, blocks.begin(comm_.rank()),
                            blocks.count(comm_.rank()))};
    };
    rows_ = side(kernels::axis_i, kernel_.rows);
    columns_ = side(kernels::axis_j, kernel_.cols);
    constants_ = read_constants(comm_, kernel_.variables, problem_.parameters());
    if (job().precision != configuration::FloatKind::float32) return;
    const auto translations = kernels::find_translations(std::span(&kernel_.formula, 1));
    for (const auto& loss : kernels::centre(comm_, translations, rows_, columns_, constants_)) {
      stages_.warn(loss_text(loss));
    }
  }

  operators::DistributedKernel matrix(const kernels::Expression& formula) const {
    return {formula, constants_, rows_, columns_,
            job().precision == configuration::FloatKind::float32 ? kernels::Precision::float32
                                                                 : kernels::Precision::float64};
  }

  std::shared_ptr<const KernelOperator> make_operator(Index width) const {
    // The jitter belongs to K, and is added to its diagonal with it.
    return std::make_shared<const KernelOperator>(comm_, matrix(kernel_.formula), width,
                                                  system_.scale,
                                                  system_.shift + system_.scale * kernel_.jitter);
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
      solver_.emplace(make_operator(1), std::move(solver));
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
    stages_.run("gradient", [&] { logdet_gradient(value.value, settings); });
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
    const auto op = make_operator(width);
    std::vector<double> result(static_cast<std::size_t>(out_block.size()), 0.0);
    if (solves) {
      solve(op, input, result, width);
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
          solve_gradient(reader, input, result, g, in_block);
        } else {
          apply_gradient(reader, *op, input, g, in_block);
        }
      });
      stages_.report("gradient", "by the kernel's derivative");
    }
    if (quality_) quality_->write(report_, failure_);
  }

  void solve(const std::shared_ptr<const KernelOperator>& op, std::span<const double> b,
             std::span<double> a, Index width) {
    stages_.run("factorise", [&] {
      auto settings = solver_settings(job().solver, width * (job().gradient ? 2 : 1));
      settings.on_iteration = [this](Index iteration, double) {
        stages_.progress().set("iteration", iteration, 0);
      };
      solver_.emplace(op, std::move(settings));
    });
    stages_.report("factorise", solver_->why());
    quality_.emplace(width);
    operators::KrylovOutcome outcome;
    stages_.run("solve", [&] { outcome = solver_->solve(b, a, width); });
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

  /// By the input, for `apply` Opᵀ g, and by the parameters.
  void apply_gradient(const VectorReader& reader, const KernelOperator& op,
                      std::span<const double> input, std::span<const double> g,
                      const SideBySide& block) {
    for (const auto& parameter : job().gradient->parameters) {
      write_parameter(parameter.value, product_gradient(parameter.value, g, input, block.width()));
    }
    if (!job().gradient->input) return;
    std::vector<double> by_input(input.size());
    op.multiply(g, by_input, block.width(), true);
    write_input_gradient(reader, block, by_input);
  }

  void solve_gradient(const VectorReader& reader, std::span<const double> input,
                      std::span<const double> result, std::span<const double> g,
                      const SideBySide& block) {
    std::vector<std::string> names = point_names();
    for (const auto& parameter : job().gradient->parameters) names.push_back(parameter.value);
    auto found = solver_->solve_gradient(result, g, block.width(), names);
    add_quality(Direction::adjoint, found.outcome);
    // With v = Op⁻ᵀ g: K a = (b - shift a) / scale, and alpha's derivative is -v·a.
    const double by_scale =
        -(dot(comm_, found.right_hand_side, input) + system_.shift * found.alpha) / system_.scale;
    for (const auto& parameter : job().gradient->parameters) {
      write_parameter(parameter.value,
                      chain_rule(parameter.value, found.kernel, found.alpha, by_scale));
    }
    write_point_gradient(found.kernel);
    if (job().gradient->input) write_input_gradient(reader, block, found.right_hand_side);
  }

  void logdet_gradient(double result, const operators::StochasticSettings& settings) {
    std::vector<std::string> names;
    for (const auto& parameter : job().gradient->parameters) names.push_back(parameter.value);
    const auto found = solver_->log_determinant_gradient(names, settings);
    // tr(Op⁻¹ Op) = N.
    const double by_scale =
        (static_cast<double>(kernel_.rows) - system_.shift * found.alpha) / system_.scale;
    const double cotangent = read_scalar_cotangent(comm_, job(), result);
    for (const std::string& name : names) {
      write_parameter(name, cotangent * chain_rule(name, found.kernel, found.alpha, by_scale),
                      std::abs(cotangent) * error_of(name, found));
    }
  }

  /// Of a log determinant's derivative: the standard errors of its parts, added up.
  double error_of(const std::string& parameter,
                  const operators::KernelLogDeterminantGradient& found) const {
    double error = 0;
    for (const auto& [name, coefficient] : derivative_terms(parameter)) {
      if (name.empty()) {
        error += std::abs(coefficient) * found.alpha_error;
      } else if (problem_.kernel_factors.at(name).parameter.empty()) {
        error += std::abs(coefficient * system_.shift / system_.scale) * found.alpha_error;
      } else {
        error += std::abs(coefficient / system_.scale) * found.standard_errors.at(parameter);
      }
    }
    return error;
  }

  /// @param error  the standard error; 0 if it is exact
  void write_parameter(const std::string& name, double value, double error = 0) {
    check_finite(value, "/gradient/" + name);
    file_.write_scalar("/gradient/" + name, value);
    std::string line = fmt::format("gradient    {} = {:.12g}", name, value);
    if (error > 0) {
      file_.write_scalar("/gradient_standard_error/" + name, error);
      line += fmt::format(" ± {:.2g}", error);
    }
    report_.line(line);
  }

  /// The factor of `input.transform` is included.
  void write_input_gradient(const VectorReader& reader, const SideBySide& block,
                            std::vector<double>& values) {
    const Extents in{job().task == Task::solve ? kernel_.rows : kernel_.cols};
    file_.create_dataset("/gradient/input", dataset_shape(reader.shape(), in));
    const std::vector<double> transform = block.read(
        [&](Index offset, std::span<double> one) { reader.read_flat(offset, one, true); });
    for (std::size_t i = 0; i < values.size(); ++i) values[i] *= transform[i];
    check_finite(comm_, values, "/gradient/input");
    block.write(file_, "/gradient/input", values);
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

  /// ∂Op/∂θ: the coefficients of I, of K and of K's derivative.
  std::map<std::string, double> derivative_terms(const std::string& parameter) const {
    const auto terms = kernel_coefficients(problem_.derivatives.at(parameter));
    if (!terms) throw core::InternalError("a derivative of a kernel system has products");
    return *terms;
  }

  /// ∂L/∂θ from ∂L/∂θ through the formula alone, ∂L/∂shift and ∂L/∂scale.
  double chain_rule(const std::string& parameter, const kernels::ReduceGradient& by_formula,
                    double by_shift, double by_scale) const {
    double value = 0;
    for (const auto& [name, coefficient] : derivative_terms(parameter)) {
      if (name.empty()) {
        value += coefficient * by_shift;
      } else if (problem_.kernel_factors.at(name).parameter.empty()) {
        value += coefficient * by_scale;
      } else {
        value += coefficient / system_.scale * by_formula.parameters.at(parameter);
      }
    }
    return value;
  }

  /// gᵀ (∂Op/∂θ) x, summed over the vectors.
  double product_gradient(const std::string& parameter, std::span<const double> g,
                          std::span<const double> x, Index width) const {
    double value = 0;
    for (const auto& [name, coefficient] : derivative_terms(parameter)) {
      if (name.empty()) {
        value += coefficient * dot(comm_, g, x);
        continue;
      }
      const auto& by = problem_.kernel_factors.at(name).parameter;
      const auto formula =
          by.empty() ? kernel_.formula : kernels::differentiate(kernel_.formula, by);
      const KernelOperator derivative(comm_, matrix(formula), width, 1,
                                      by.empty() ? kernel_.jitter : 0);
      std::vector<double> product(g.size());
      derivative.multiply(x, product, width);
      value += coefficient * dot(comm_, g, product);
    }
    return value;
  }

  /// The variables to differentiate by; one set of points is both `x` and `y`.
  std::vector<std::string> point_names() const {
    std::vector<std::string> names;
    for (const auto& name : job().gradient->points) {
      const bool known =
          kernel_.one_cloud ? name.value == "x" : kernel_.variables.contains(name.value);
      if (!known) {
        throw core::ConfigurationError(fmt::format(
            "{}: 'gradient.points' names '{}', which is no variable of the kernel '{}'{}",
            job().where(name.position), name.value, kernel_.name,
            kernel_.one_cloud ? "; its one set of points is called 'x'" : ""));
      }
      names.push_back(name.value);
    }
    if (kernel_.one_cloud && !names.empty()) return {"x", "y"};
    return names;
  }

  void write_point_gradient(const kernels::ReduceGradient& gradient) {
    if (job().gradient->points.empty()) return;
    for (const auto& [name, values] : gradient.constants) {
      file_.write_vector("/gradient/" + name, values);
    }
    std::map<std::string, std::vector<double>> sums;
    for (const auto* side : {&gradient.rows, &gradient.columns}) {
      for (const auto& [name, values] : *side) {
        auto& sum = sums[kernel_.one_cloud ? "x" : name];
        sum.resize(values.size(), 0.0);
        for (std::size_t i = 0; i < values.size(); ++i) sum[i] += values[i];
      }
    }
    for (const auto& [name, values] : sums) {
      const PointVariable& variable = kernel_.variables.at(name);
      const auto& side = variable.symbol.axes == kernels::axis_i ? rows_ : columns_;
      check_finite(comm_, values, "/gradient/" + name);
      file_.create_dataset("/gradient/" + name, variable.data.shape);
      file_.write_range("/gradient/" + name,
                        side.partition.begin(comm_.rank()) * variable.symbol.dimension, values);
    }
  }

  const communication::Communicator& comm_;
  const Problem& problem_;
  const KernelSystem& system_;
  const KernelMatrix& kernel_;
  Stages& stages_;
  Report& report_;
  io::ResultFile& file_;
  kernels::DistributedSide rows_;
  kernels::DistributedSide columns_;
  kernels::Constants constants_;
  std::optional<operators::KernelSolver> solver_;
  std::optional<SolveQuality> quality_;
  std::string failure_;
};

}  // namespace

std::string run_kernel_system(const JobContext& context, const Problem& problem,
                              const KernelSystem& system) {
  return KernelTask(context, problem, system).run();
}

}  // namespace kronwerk::application
