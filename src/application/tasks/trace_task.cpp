// tr Op, and its derivatives tr(∂Op/∂θ), from the diagonals of the factors.
#include <fmt/format.h>

#include "application/inputs/vector_reader.hpp"
#include "application/tasks/diagonal_values.hpp"
#include "application/tasks/scalar_cotangent.hpp"
#include "application/tasks/task.hpp"

namespace kronwerk::application {
namespace {

double trace_of(TaskContext& context, std::span<const expressions::LoweredProduct> terms) {
  if (terms.empty()) return 0;
  return DiagonalValues(context, terms, DiagonalValues::Purpose::trace).sum();
}

void write_derivatives(TaskContext& context, double result) {
  const auto& job = context.job;
  if (job.gradient) {
    const double cotangent = read_scalar_cotangent(context.comm, context.job, result);
    for (const auto& parameter : job.gradient->parameters) {
      const double value = cotangent * trace_of(context, context.derivatives.at(parameter.value));
      check_finite(value, "/gradient/" + parameter.value);
      context.file.write_scalar("/gradient/" + parameter.value, value);
      context.report.line(fmt::format("gradient    {} = {:.12g}", parameter.value, value));
    }
  }
  if (job.tangent) {
    double change = 0;
    for (const auto& [name, direction] : job.tangent->parameters) {
      change += direction.value * trace_of(context, context.derivatives.at(name));
    }
    check_finite(change, "/tangent");
    context.file.write_scalar("/tangent", change);
    context.report.line(fmt::format("tangent     {:.12g}", change));
  }
}

}  // namespace

void run_trace(TaskContext& context) {
  double trace = 0;
  context.stages.run("trace", [&] { trace = trace_of(context, context.products); });
  check_finite(trace, "/result");
  context.stages.report("trace", "from the diagonals of the factors");
  context.report.line(fmt::format("result      trace = {:.15g}", trace));
  context.stages.run("gradient", [&] { write_derivatives(context, trace); });
  if (context.job.gradient) context.stages.report("gradient", "traces of the derivatives");
  context.file.write_scalar("/result", trace);
  context.report.set("method", "direct: from the diagonals of the factors");
  context.report.set("converged", Index{1});
}

}  // namespace kronwerk::application
