#include "application/flow/flow_estimates.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "application/flow/fixed_effects.hpp"
#include "kronwerk/io/hdf5/read.hpp"

namespace kronwerk::application {
namespace {

/// The dataset of the fit's result. @throws ConfigurationError, saying what else there is to give
io::Location in_result(const FlowContext& context, const std::string& dataset,
                       const std::string& key) {
  const auto& file = context.job.parameter_file;
  if (file) return {file->value, dataset, context.job.external_data};
  throw core::ConfigurationError(fmt::format(
      "{}: give {}the result of a fit by 'parameters: {{file: …}}'",
      context.job.where(context.job.formula.position), key.empty() ? "" : "'" + key + "', or "));
}

}  // namespace

GivenEstimates read_estimates(const FlowContext& context) {
  GivenEstimates estimates;
  for (const std::string& name : context.model.filter().parameters()) {
    estimates.parameters.push_back(context.model.problem().parameters().at(name));
  }
  const auto& request = context.request();
  if (context.job.task != configuration::Task::effects ||
      request.on == configuration::EffectsOn::mean) {
    estimates.effects = read_fixed_effects(context);
  }
  const auto columns = context.model.column_texts();
  estimates.coefficients = context.request().coefficients;
  if (columns.empty() || !estimates.coefficients.empty()) return estimates;
  const io::Location location = in_result(context, "/coefficients", "mean.coefficients");
  estimates.coefficients = io::read_vector(context.comm, location);
  const auto found =
      io::read_strings(context.comm, {location.file, "/coefficients_ids", location.external});
  if (found == columns) return estimates;
  throw core::ConfigurationError(fmt::format(
      "{}: the columns of the mean are not those of the fit in {}; give the same in the same "
      "order, or 'mean.coefficients'",
      context.job.where(context.request().columns.front().position), location.file));
}

double read_given_number(const FlowContext& context, const std::optional<double>& given,
                         const std::string& name) {
  if (given) return *given;
  const io::Location group = in_result(context, "/", name);
  const auto numbers = io::read_numbers(context.comm, group);
  const auto found = numbers.find(name);
  if (found != numbers.end()) return found->second;
  throw core::ConfigurationError(fmt::format("{}: {} has no '{}'; give it as a key of the job",
                                             context.job.where(context.job.formula.position),
                                             group.file, name));
}

std::vector<double> read_estimate_covariance(const FlowContext& context) {
  const io::Location location = in_result(context, "/parameter_covariance", "");
  const io::Location ids{location.file, "/parameter_covariance_ids", location.external};
  std::vector<std::string> names;
  try {
    names = io::read_strings(context.comm, ids);
  } catch (const core::DataError& error) {
    throw core::DataError(
        fmt::format("standard errors by 'draws' need the covariance of a fit, with "
                    "'fit.standard_errors' and an "
                    "estimate inside of the feasible region: {}",
                    error.what()));
  }
  const std::size_t all = names.size();
  std::vector<double> covariance(all * all);
  io::read_range(context.comm, location, 0, covariance);
  std::vector<double> result;
  std::vector<std::size_t> places;
  for (const std::string& name : context.model.estimate_names()) {
    const auto found = std::ranges::find(names, name);
    if (found == names.end()) {
      throw core::DataError(fmt::format(
          "{}:/parameter_covariance has no '{}': standard errors need the fit of this model, with "
          "the same parameters free",
          location.file, name));
    }
    places.push_back(static_cast<std::size_t>(found - names.begin()));
  }
  for (const std::size_t i : places) {
    for (const std::size_t j : places) result.push_back(covariance[i * all + j]);
  }
  return result;
}

}  // namespace kronwerk::application
