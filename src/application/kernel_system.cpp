#include "application/kernel_system.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "application/vector_reader.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/expressions/factor_node.hpp"
#include "kronwerk/io/read.hpp"
#include "kronwerk/kernels/reduce_gradient.hpp"
#include "kronwerk/operators/kernel_solver.hpp"

namespace kronwerk::application {
namespace {

using configuration::Task;
using core::Extents;
using distribution::BlockPartition;
using operators::KernelOperator;

/// The coefficients of the matrices of a sum over one mode, by what they are called; "" for I.
/// Nothing if there are products, transposes or inverses of matrices.
std::optional<std::map<std::string, double>> coefficients(const expressions::SumOfProducts& sum) {
  std::map<std::string, double> found;
  const auto add = [&](double coefficient, const expressions::FactorNode& factor) {
    if (factor.is_identity()) {
      found[""] += coefficient;
      return true;
    }
    const auto& link = factor.links.front();
    if (factor.links.size() != 1 || link.transposed || link.inverse) return false;
    if (link.leaf->kind == expressions::FactorLeaf::Kind::matrix) {
      found[link.leaf->text] += coefficient;
      return true;
    }
    if (link.leaf->kind != expressions::FactorLeaf::Kind::sum) return false;
    return std::ranges::all_of(link.leaf->terms, [&](const auto& term) {
      const auto& inner = *term.second;
      const bool plain =
          inner.is_identity() ||
          (inner.links.size() == 1 && !inner.links[0].transposed && !inner.links[0].inverse &&
           inner.links[0].leaf->kind == expressions::FactorLeaf::Kind::matrix);
      if (plain)
        found[inner.is_identity() ? "" : inner.links[0].leaf->text] += coefficient * term.first;
      return plain;
    });
  };
  for (const auto& term : sum.terms) {
    if (term.factors.size() != 1 || !term.steps.empty()) return std::nullopt;
    if (!add(term.coefficient, *term.factors.front())) return std::nullopt;
  }
  return found;
}

operators::KernelSolverSettings solver_settings(const configuration::SolverSettings& solver,
                                                Index columns) {
  operators::KernelSolverSettings settings;
  settings.method = static_cast<operators::KernelMethod>(solver.method);
  settings.preconditioner = static_cast<operators::KernelPreconditioner>(solver.preconditioner);
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
  KernelTask(const communication::Communicator& comm, const Problem& problem,
             const KernelSystem& system, Stages& stages, Report& report, io::ResultFile& file)
      : comm_(comm),
        problem_(problem),
        system_(system),
        kernel_(problem.kernels.at(system.kernel)),
        stages_(stages),
        report_(report),
        file_(file) {}

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
  }

  operators::KernelMatrix matrix(const kernels::Expression& formula) const {
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
    stages_.run("factorise", [&] {
      solver_.emplace(make_operator(1), solver_settings(job().solver, job().solver.probes));
    });
    stages_.report("factorise", solver_->why());
    stages_.run("logdet", [&] {
      operators::StochasticSettings settings;
      settings.probes = job().solver.probes;
      settings.seed = job().solver.seed;
      value = solver_->log_determinant(settings);
    });
    stages_.report("logdet", solver_->method());
    file_.write_scalar("/result", value.value);
    file_.write_scalar("/sign", 1);
    std::string text = fmt::format("result      log|det| = {:.15g}", value.value);
    if (value.standard_error > 0) {
      file_.write_scalar("/standard_error", value.standard_error);
      text += fmt::format(" ± {:.2g}", value.standard_error);
    }
    report_.line(text);
    report_.set("method", solver_->why());
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
    Statistics statistics;
    statistics.add(result);
    report_.line("result      " + statistics.text(comm_));
    stages_.run("write", [&] {
      file_.create_dataset("/result", dataset_shape(reader.shape(), out));
      out_block.write(file_, "/result", result);
    });
    if (job().gradient) {
      stages_.run("gradient", [&] { gradient(reader, op, input, result, in_block, out_block); });
      stages_.report("gradient", "by the kernel's derivative");
    }
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
    operators::KrylovOutcome outcome;
    stages_.run("solve", [&] { outcome = solver_->solve(b, a, width); });
    stages_.report("solve",
                   fmt::format("{}, {} iterations", solver_->method(), outcome.iterations));
    const double worst =
        outcome.residuals.empty() ? 0 : *std::ranges::max_element(outcome.residuals);
    file_.write_vector("/history", outcome.history);
    file_.write_vector("/residuals", outcome.residuals);
    report_.set("method", solver_->method() + ": " + solver_->why());
    report_.set("iterations", outcome.iterations);
    report_.set("relative_residual", worst);
    report_.set("preconditioner_rank", solver_->rank());
    report_.line(fmt::format("residual    {:.3e} relative to the right-hand side", worst));
    if (!outcome.converged) failure_ = outcome.reason;
  }

  /// For `solve`, v = Op⁻ᵀ g stands for g in what follows, with the other sign.
  void gradient(const VectorReader& reader, const std::shared_ptr<const KernelOperator>& op,
                std::span<const double> input, std::span<const double> result,
                const SideBySide& in_block, const SideBySide& out_block) {
    const bool solves = job().task == Task::solve;
    const Index width = out_block.width();
    std::vector<double> adjoint = cotangent(reader, result, out_block);
    if (solves) {
      std::vector<double> v(static_cast<std::size_t>(in_block.size()), 0.0);
      const auto outcome = solver_->solve(adjoint, v, width, true);
      if (!outcome.converged && failure_.empty()) failure_ = outcome.reason;
      adjoint = std::move(v);
    }
    const auto vectors = solves ? result : input;
    for (const auto& parameter : job().gradient->parameters) {
      const double value =
          (solves ? -1 : 1) * parameter_gradient(parameter.value, adjoint, vectors, width);
      file_.write_scalar("/gradient/" + parameter.value, value);
      report_.line(fmt::format("gradient    {} = {:.12g}", parameter.value, value));
    }
    if (!job().gradient->points.empty()) {
      point_gradient(solves ? -1 : 1, adjoint, vectors, solves ? in_block : out_block,
                     solves ? out_block : in_block);
    }
    if (!job().gradient->input) return;
    std::vector<double> by_input = adjoint;
    if (!solves) {
      by_input.assign(static_cast<std::size_t>(in_block.size()), 0.0);
      op->multiply(adjoint, by_input, width, true);
    }
    const Extents in{solves ? kernel_.rows : kernel_.cols};
    file_.create_dataset("/gradient/input", dataset_shape(reader.shape(), in));
    const std::vector<double> transform = in_block.read(
        [&](Index offset, std::span<double> one) { reader.read_flat(offset, one, true); });
    for (std::size_t i = 0; i < by_input.size(); ++i) by_input[i] *= transform[i];
    in_block.write(file_, "/gradient/input", by_input);
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

  /// gᵀ (∂Op/∂θ) x, summed over the vectors.
  double parameter_gradient(const std::string& parameter, std::span<const double> g,
                            std::span<const double> x, Index width) const {
    const auto terms = coefficients(problem_.derivatives.at(parameter));
    if (!terms) throw core::InternalError("a derivative of a kernel system has products");
    double value = 0;
    for (const auto& [name, coefficient] : *terms) {
      if (name.empty()) {
        value += coefficient * dot(comm_, g, x);
        continue;
      }
      const auto& by = problem_.kernel_factors.at(name).second;
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
    return kernel_.one_cloud ? std::vector<std::string>{"x", "y"} : names;
  }

  /// Of sign * scale * Σ_ij g_i F(i, j) x_j by the points.
  void point_gradient(double sign, std::span<const double> g, std::span<const double> x,
                      const SideBySide& row_block, const SideBySide& column_block) {
    std::map<std::string, std::vector<double>> sums;
    std::vector<std::string> names = point_names();
    const std::string vector = "vector of the product";  // no name that a user can choose
    const kernels::ReductionTask task{
        kernels::multiply(kernel_.formula, kernels::make_variable(vector, {1, kernels::axis_j})),
        {{kernels::ReductionKind::sum}},
        kernels::axis_j,
        constants_};
    for (Index c = 0; c < row_block.width(); ++c) {
      auto columns = columns_;
      columns.local.variables[vector] = {1, columns.local.count, column_block.column(x, c)};
      std::vector<double> own = row_block.column(g, c);
      for (double& value : own) value *= sign * system_.scale;
      const kernels::ReductionResult shape{rows_.local.count, 1, 1, own, {}};
      const auto found = kernels::reduce_gradient(comm_, task, rows_, columns, shape, own, names);
      for (const auto* side : {&found.rows, &found.columns}) {
        for (const auto& [name, values] : *side) {
          auto& sum = sums[kernel_.one_cloud ? "x" : name];
          sum.resize(values.size(), 0.0);
          for (std::size_t i = 0; i < values.size(); ++i) sum[i] += values[i];
        }
      }
    }
    for (const auto& [name, values] : sums) {
      const PointVariable& variable = kernel_.variables.at(name);
      const auto& side = variable.symbol.axes == kernels::axis_i ? rows_ : columns_;
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
  std::string failure_;
};

}  // namespace

std::optional<KernelSystem> find_kernel_system(const Problem& problem) {
  const auto& job = problem.job;
  const bool task = job.task == Task::apply || job.task == Task::solve || job.task == Task::logdet;
  if (!task || job.tangent || problem.sum.row_extents.size() != 1) return std::nullopt;
  if (job.task == Task::logdet && job.gradient) return std::nullopt;
  const auto terms = coefficients(problem.sum);
  if (!terms) return std::nullopt;
  KernelSystem system;
  for (const auto& [name, coefficient] : *terms) {
    if (name.empty()) {
      system.shift = coefficient;
      continue;
    }
    const auto found = problem.kernel_factors.find(name);
    if (found == problem.kernel_factors.end() || !system.kernel.empty()) return std::nullopt;
    system.kernel = found->second.first;
    system.scale = coefficient;
  }
  if (system.kernel.empty()) return std::nullopt;
  const auto storage = problem.kernels.at(system.kernel).storage;
  if (storage == configuration::KernelStorage::stored) return std::nullopt;
  return system;
}

MemoryNeeds estimate_kernel_memory(const Problem& problem, const KernelSystem& system, Index count,
                                   int ranks, int nodes) {
  const KernelMatrix& kernel = problem.kernels.at(system.kernel);
  MemoryNeeds needs;
  needs.ranks = ranks;
  needs.nodes = nodes;
  needs.base_bytes_per_rank = base_bytes_per_rank;
  double numbers = 0;
  for (const auto& [name, variable] : kernel.variables) {
    // Points, their blocks on the way round, and copies in the order of the tiles.
    numbers += 4.0 * static_cast<double>(variable.count) * variable.symbol.dimension;
  }
  const double vectors = problem.job.task == Task::apply ? 4 : 8;
  numbers += vectors * static_cast<double>(count) * static_cast<double>(kernel.rows + kernel.cols);
  needs.vector_bytes_per_rank = 8 * numbers / ranks;
  return needs;
}

std::string run_kernel_system(const communication::Communicator& comm, const Problem& problem,
                              const KernelSystem& system, Stages& stages, Report& report,
                              io::ResultFile& file) {
  return KernelTask(comm, problem, system, stages, report, file).run();
}

}  // namespace kronwerk::application
