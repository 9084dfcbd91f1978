#include "application/flow/flow_results.hpp"

#include <fmt/format.h>

#include <cmath>

#include "application/fit/fit_parameters.hpp"
#include "application/flow/correlation.hpp"
#include "application/flow/fixed_effects.hpp"
#include "application/flow/flow_fit.hpp"
#include "application/flow_filter/flow_solver.hpp"
#include "application/tasks/solve_quality.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/models/fit/estimate_covariance.hpp"

namespace kronwerk::application {
namespace {

// Digits that cancel in the residual sum of squares before it is said.
constexpr double many_lost_digits = 6;

/// The names of (θ, δ, σ²).
std::vector<std::string> names_of_all(const FlowModel& model) {
  std::vector<std::string> names = model.estimate_names();
  names.emplace_back("sigma2");
  return names;
}

/// Standard errors of (θ, δ, σ²), NaN where there are none; written with the covariance.
std::vector<double> write_errors(FlowContext& context, const FlowEstimates& estimates) {
  const auto names = names_of_all(context.model);
  const std::size_t n = names.size();
  std::vector<double> errors(n, std::nan(""));
  if (estimates.information.empty()) return errors;
  std::vector<char> fixed(n, 0);
  std::copy(estimates.at_bound.begin(), estimates.at_bound.end(), fixed.begin());
  const auto covariance = models::estimate_covariance(estimates.information, fixed);
  if (!covariance) {
    context.report.line(
        "            no standard errors: the observed information is not positive definite");
    return errors;
  }
  for (std::size_t i = 0; i < n; ++i) {
    if (fixed[i] == 0) errors[i] = std::sqrt((*covariance)[i * n + i]);
  }
  const std::size_t p = estimates.parameters.size();
  for (std::size_t i = 0; i < p; ++i) {
    if (fixed[i] == 0) context.file.write_scalar("/standard_error/" + names[i], errors[i]);
  }
  context.file.write_vector("/standard_error/coefficients",
                            std::span(errors).subspan(p, n - p - 1));
  context.file.write_scalar("/standard_error/sigma2", errors.back());
  const auto width = static_cast<Index>(n);
  context.file.write_array("/parameter_covariance", core::Extents{width, width}, *covariance);
  context.file.write_strings("/parameter_covariance_ids", names);
  return errors;
}

std::string with_error(const std::string& name, double value, double error) {
  return fmt::format("{} = {:.9g}{}", name, value,
                     std::isnan(error) ? "" : fmt::format(" ± {:.3g}", error));
}

void report_doubts(FlowContext& context, const FlowEstimates& estimates) {
  const double lost = estimates.value.squares.lost_digits;
  context.report.set("lost_digits", lost);
  if (lost > many_lost_digits) {
    context.stages.warn(fmt::format(
        "{:.0f} of 16 decimal digits cancel in the residual sum of squares; scale or centre the "
        "observations",
        lost));
  }
  report_border(context, estimates.at_border);
}

}  // namespace

void write_estimates(FlowContext& context, const FlowEstimates& estimates) {
  const auto& names = context.model.filter().parameters();
  const auto& value = estimates.value;
  const auto& coefficients = value.squares.coefficients;
  const auto columns = context.model.column_texts();
  write_held_parameters(context.file, context.job);
  const auto errors = write_errors(context, estimates);
  Report& report = context.report;
  for (std::size_t i = 0; i < names.size(); ++i) {
    context.file.write_scalar("/parameters/" + names[i], estimates.parameters[i]);
    context.file.write_scalar("/gradient/" + names[i], value.gradient[i]);
    report.line("result      " + with_error(names[i], estimates.parameters[i], errors[i]) +
                (estimates.at_bound[i] != 0 ? " (on its bound)" : ""));
  }
  for (std::size_t j = 0; j < columns.size(); ++j) {
    report.line("            " + with_error(columns[j], coefficients[j], errors[names.size() + j]));
  }
  report.line("            " + with_error("sigma2", value.sigma2, errors.back()));
  if (!columns.empty()) {
    context.file.write_vector("/coefficients", coefficients);
    context.file.write_strings("/coefficients_ids", columns);
  }
  write_fixed_effects(context, estimates.effects);
  context.file.write_scalar("/sigma2", value.sigma2);
  context.file.write_scalar("/logdet", value.log_determinant);
  report.set("logdet_error", value.determinant_error);
  write_criteria(context, estimates.log_likelihood, names.size() + columns.size() + 1,
                 estimates.cells);
  report.line(fmt::format("            log likelihood = {:.12g}, log determinant = {:.9g}",
                          estimates.log_likelihood, value.log_determinant));
  report_doubts(context, estimates);
}

namespace {

/// A⁻¹ trend; sets why it was not accepted.
std::vector<double> expectation_of(FlowContext& context, const FlowEstimates& estimates,
                                   const std::vector<double>& trend, std::string& failure) {
  std::map<std::string, double> parameters;
  const auto& names = context.model.filter().parameters();
  for (std::size_t i = 0; i < names.size(); ++i) parameters[names[i]] = estimates.parameters[i];
  FlowSolver solver(context.comm, context.model, parameters);
  std::vector<double> right, solution;
  communication::collectively(context.comm, [&] {
    right = trend;
    solution.resize(trend.size());
  });
  const auto verdict = solver.solve(
      right, solution, false, [&](std::span<double> b) { std::ranges::copy(trend, b.begin()); });
  SolveQuality quality(1);
  quality.add(Direction::forward, verdict, 0, solver.stopped());
  failure = quality.failure();
  quality.write(context.report, failure);
  context.report.set("expectation_method", solver.description());
  return solution;
}

}  // namespace

std::string write_fitted(FlowContext& context, const FlowEstimates& estimates,
                         FlowObservations::Flows& flows, const core::Extents& shape) {
  Stages& stages = context.stages;
  const communication::Communicator& comm = context.comm;
  const core::Extents& extents = context.model.extents();
  const distribution::Layout layout(extents, 1, comm.size());
  const Index begin = layout.home_begin(comm.rank());
  std::string failure;
  std::vector<double> trend, expectation;
  stages.run("expectation", [&] {
    trend = trend_of(context, estimates.value.squares.coefficients, estimates.effects);
    const bool on_errors = context.acts_on() == models::FilterActsOn::errors;
    expectation = on_errors ? trend : expectation_of(context, estimates, trend, failure);
  });
  stages.report("expectation", failure.empty() ? "accepted" : failure);
  stages.run("write", [&] {
    Correlation correlation;
    context.file.create_dataset("/residual", shape);
    for (std::size_t year = 0; year < flows.years.size(); ++year) {
      std::vector<double>& values = flows.years[year];
      for (const Index cell : flows.missing[year]) {
        const Index local = cell - begin;
        if (local >= 0 && local < std::ssize(values)) {
          values[static_cast<std::size_t>(local)] = std::nan("");
        }
      }
      for (std::size_t i = 0; i < expectation.size(); ++i) {
        if (std::isnan(values[i])) continue;
        correlation.add(values[i], expectation[i]);
        values[i] -= expectation[i];
      }
      context.file.write_range("/residual", static_cast<Index>(year) * layout.size() + begin,
                               values);
    }
    context.file.write_scalar("/r2", correlation.squared(comm));
    context.file.create_dataset("/fitted/trend", extents);
    context.file.write_range("/fitted/trend", begin, trend);
    context.file.create_dataset("/fitted/expectation", extents);
    context.file.write_range("/fitted/expectation", begin, expectation);
  });
  return failure;
}

}  // namespace kronwerk::application
