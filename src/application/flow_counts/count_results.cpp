#include "application/flow_counts/count_results.hpp"

#include <fmt/format.h>

#include <cmath>

#include "application/fit/fit_parameters.hpp"
#include "application/flow/correlation.hpp"
#include "application/flow/fixed_effects.hpp"
#include "application/flow/flow_fit.hpp"

namespace kronwerk::application {
namespace {

/// From log θ to θ: first derivative θ.
void take_theta(std::vector<double>& covariance, std::size_t n, double theta) {
  for (std::size_t i = 0; i < n; ++i) {
    covariance[i * n + n - 1] *= theta;
    covariance[(n - 1) * n + i] *= theta;
  }
}

std::vector<double> roots(const std::vector<double>& covariance, std::size_t n) {
  std::vector<double> errors(n, std::nan(""));
  if (covariance.empty()) return errors;
  for (std::size_t i = 0; i < n; ++i) {
    const double variance = covariance[i * n + i];
    if (variance > 0) errors[i] = std::sqrt(variance);
  }
  return errors;
}

/// Standard errors below `path`, and the covariance that they are from.
void write_errors(FlowContext& context, const std::string& path, const std::string& covariance_path,
                  const std::vector<double>& covariance, const std::vector<std::string>& names) {
  const std::size_t n = names.size();
  const std::size_t p = context.model.filter().parameters().size();
  const std::size_t columns = context.model.columns().size();
  const std::vector<double> errors = roots(covariance, n);
  for (std::size_t i = 0; i < p; ++i) {
    if (!std::isnan(errors[i])) context.file.write_scalar(path + "/" + names[i], errors[i]);
  }
  if (columns > 0) {
    context.file.write_vector(path + "/coefficients", std::span(errors).subspan(p, columns));
  }
  if (n > p + columns) context.file.write_scalar(path + "/theta", errors.back());
  const auto width = static_cast<Index>(n);
  context.file.write_array(covariance_path, core::Extents{width, width}, covariance);
  context.file.write_strings(covariance_path + "_ids", names);
}

std::string with_errors(const std::string& name, double value, double error, double robust) {
  if (std::isnan(error)) return fmt::format("{} = {:.9g}", name, value);
  return fmt::format("{} = {:.9g} ± {:.3g} (robust {:.3g})", name, value, error, robust);
}

}  // namespace

void write_count_estimates(FlowContext& context, CountEstimates estimates) {
  const auto& parameters = context.model.filter().parameters();
  const auto columns = context.model.column_texts();
  std::vector<std::string> names = context.model.estimate_names();
  std::vector<double> values = estimates.x;
  if (estimates.binomial) {
    names.emplace_back("theta");
    values.back() = std::exp(values.back());
    if (!estimates.covariance.empty()) {
      take_theta(estimates.covariance, names.size(), values.back());
      take_theta(estimates.robust_covariance, names.size(), values.back());
    }
  }
  write_held_parameters(context.file, context.job);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    context.file.write_scalar("/parameters/" + parameters[i], values[i]);
    context.file.write_scalar("/gradient/" + parameters[i], estimates.gradient[i]);
  }
  if (!columns.empty()) {
    context.file.write_vector("/coefficients",
                              std::span(values).subspan(parameters.size(), columns.size()));
    context.file.write_strings("/coefficients_ids", columns);
  }
  if (estimates.binomial) context.file.write_scalar("/theta", values.back());
  Report& report = context.report;
  if (!estimates.covariance.empty()) {
    write_errors(context, "/standard_error", "/parameter_covariance", estimates.covariance, names);
    write_errors(context, "/robust_standard_error", "/robust_covariance",
                 estimates.robust_covariance, names);
  } else if (context.request().fit.standard_errors) {
    report.line("            no standard errors: " + estimates.why_no_errors);
  }
  const auto errors = roots(estimates.covariance, names.size());
  const auto robust = roots(estimates.robust_covariance, names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool bound = i < estimates.at_bound.size() && estimates.at_bound[i] != 0;
    report.line((i == 0 ? "result      " : "            ") +
                with_errors(names[i], values[i], errors[i], robust[i]) +
                (bound ? " (on its bound)" : ""));
  }
  write_fixed_effects(context, estimates.effects);
  write_criteria(context, estimates.log_likelihood, names.size(), estimates.cells);
  report.line(fmt::format("            log likelihood = {:.12g}", estimates.log_likelihood));
  report.set("observed_flows", estimates.cells);
  report_border(context, estimates.at_border);
}

void write_count_fitted(FlowContext& context, const CountEstimates& estimates,
                        const models::CountFlow& flow, const core::Extents& shape) {
  const communication::Communicator& comm = context.comm;
  const core::Extents& extents = context.model.extents();
  const distribution::Layout layout(extents, 1, comm.size());
  const Index begin = layout.home_begin(comm.rank());
  const std::size_t p = context.model.filter().parameters().size();
  const models::FlowCounts& counts = flow.counts();
  context.stages.run("write", [&] {
    const auto write = [&](const std::string& path, std::span<const double> values) {
      context.file.create_dataset(path, extents);
      context.file.write_range(path, begin, values);
    };
    std::vector<double> trend =
        flow.trend(std::span(estimates.x).subspan(p, context.model.columns().size()));
    models::add_effects(estimates.effects, layout.home().begin(comm.rank()), layout.trailing(),
                        trend);
    write("/fitted/trend", trend);
    write("/fitted/linear_predictor", flow.linear_predictor());
    // The expectation has the years of the exposures, the residuals those of the counts.
    const bool each_year = counts.log_exposure.size() > 1;
    context.file.create_dataset("/fitted/expectation", each_year ? shape : extents);
    context.file.create_dataset("/residual", shape);
    Correlation correlation;
    std::vector<double> expectation, residual;
    for (std::size_t year = 0; year < counts.years.size(); ++year) {
      const auto* exposure = counts.exposure(year);
      expectation = flow.linear_predictor();
      residual.resize(expectation.size());
      for (std::size_t i = 0; i < expectation.size(); ++i) {
        const double offset = exposure == nullptr ? 0 : (*exposure)[i];
        expectation[i] = std::exp(expectation[i] + offset);
        residual[i] = counts.years[year][i] - expectation[i];
        if (!std::isnan(residual[i])) correlation.add(counts.years[year][i], expectation[i]);
      }
      const Index place = static_cast<Index>(year) * layout.size() + begin;
      if (each_year || year == 0) {
        context.file.write_range("/fitted/expectation", each_year ? place : begin, expectation);
      }
      context.file.write_range("/residual", place, residual);
    }
    context.file.write_scalar("/r2", correlation.squared(comm));
  });
}

}  // namespace kronwerk::application
