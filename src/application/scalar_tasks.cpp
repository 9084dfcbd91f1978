#include <fmt/format.h>

#include <algorithm>

#include "application/task.hpp"
#include "application/vector_reader.hpp"
#include "kronwerk/io/read.hpp"

namespace kronwerk::application {
namespace {

/// ∂L/∂(log|det|): a dataset of one number, the result, or 1.
double read_cotangent(const TaskContext& context, double result) {
  const auto& cotangent = context.job().gradient->cotangent;
  if (cotangent.kind == configuration::CotangentKind::ones) return 1;
  if (cotangent.kind == configuration::CotangentKind::result) return result;
  const io::Location location = to_location(cotangent.dataset);
  const io::DatasetInfo info = io::inspect(context.comm, location);
  if (info.sparse || core::product(info.shape) != 1) {
    throw core::ShapeError(fmt::format(
        "{}: 'gradient.cotangent' {}:{} has the shape ({}); the result of 'logdet' is one number",
        context.job().where(cotangent.position), location.file, location.dataset,
        core::to_text(info.shape)));
  }
  double value = 0;
  io::read_range(context.comm, location, 0, std::span(&value, 1));
  return value;
}

/// ∂ log|det Op| / ∂θ = tr(Op⁻¹ ∂Op/∂θ), from the factors alone.
double logdet_derivative(const TaskContext& context, const KroneckerProduct& op,
                         const std::string& parameter) {
  double value = 0;
  for (const auto& product : context.derivatives.at(parameter)) {
    const KroneckerProduct term = make_product(context.comm, context.workspace, product, 1,
                                               op.input_layout().leading_modes());
    value += operators::trace_of_ratio(op, term);
  }
  return value;
}

void write_derivatives(TaskContext& context, const KroneckerProduct& op, double result) {
  const auto& job = context.job();
  if (job.gradient) {
    const double cotangent = read_cotangent(context, result);
    for (const auto& parameter : job.gradient->parameters) {
      const double value = cotangent * logdet_derivative(context, op, parameter.value);
      context.file.write_scalar("/gradient/" + parameter.value, value);
      context.report.line(fmt::format("gradient    {} = {:.12g}", parameter.value, value));
    }
  }
  if (job.tangent) {
    double change = 0;
    for (const auto& [name, direction] : job.tangent->parameters) {
      change += direction.value * logdet_derivative(context, op, name);
    }
    context.file.write_scalar("/tangent", change);
    context.report.line(fmt::format("tangent     {:.12g}", change));
  }
}

}  // namespace

void run_logdet(TaskContext& context) {
  Stages& stages = context.stages;
  std::optional<KroneckerProduct> op;
  factors::Determinant determinant;
  stages.run("factorise", [&] {
    op = make_product(context.comm, context.workspace, context.products.front(), 1);
    determinant = op->determinant();
  });
  announce_factors(*op, stages, context.report);
  context.report.line(fmt::format("result      log|det| = {:.15g}, sign {:+d}", determinant.log_abs,
                                  determinant.sign));
  stages.run("gradient", [&] { write_derivatives(context, *op, determinant.log_abs); });
  if (context.job().gradient) stages.report("gradient", "traces of the factors");
  context.file.write_scalar("/result", determinant.log_abs);
  context.file.write_scalar("/sign", determinant.sign);
  context.report.set("method", "direct: from the determinants of the factors");
  context.report.set("converged", Index{1});
}

void run_assemble(TaskContext& context) {
  const Index rows = core::product(context.problem.sum.row_extents);
  const Index cols = core::product(context.problem.sum.col_extents);
  const Index batch = choose_batch(context.problem, rows, context.comm.size());
  const int rank = context.comm.rank();
  Stages& stages = context.stages;
  stages.run("write", [&] { context.file.create_dataset("/result", Extents{rows, cols}); });
  std::optional<OperatorSum> transposed;
  Index built = 0;
  std::vector<double> units, block;
  Statistics statistics;
  for (Index first = 0; first < rows; first += batch) {
    const Index size = std::min(batch, rows - first);
    stages.progress().set("row", first, rows);
    if (size != built) {
      stages.run("build", [&] {
        transposed =
            OperatorSum(context.comm, context.workspace, context.products, size).transposed();
      });
      built = size;
    }
    const auto& in = transposed->input_layout();
    const auto& out = transposed->output_layout();
    stages.run("apply", [&] {
      // Row i of the matrix is the transposed operator applied to the i-th unit vector.
      units.assign(static_cast<std::size_t>(in.home_size(rank)), 0.0);
      block.resize(static_cast<std::size_t>(out.home_size(rank)));
      for (Index i = 0; i < size; ++i) {
        const Index place = i * rows + first + i - in.home_begin(rank);
        if (place >= 0 && place < std::ssize(units)) units[static_cast<std::size_t>(place)] = 1;
      }
      transposed->apply(units, block);
    });
    check_finite(context.comm, block, "/result");
    statistics.add(block);
    stages.run("write", [&] {
      context.file.write_range("/result", first * cols + out.home_begin(rank), block);
    });
  }
  stages.report("apply", fmt::format("{} x {} entries, blocks of {} rows", rows, cols, batch));
  context.report.set("method", "assemble: the transposed operator applied to unit vectors");
  context.report.line("result      " + statistics.text(context.comm));
}

}  // namespace kronwerk::application
