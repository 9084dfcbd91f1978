#include "application/fit/fit_parameters.hpp"

namespace kronwerk::application {

std::optional<models::Prior> prior_of(
    const configuration::Job& job,
    const std::optional<configuration::Placed<std::string>>& requested) {
  if (!requested) return std::nullopt;
  return models::Prior::parse({requested->value, job.where(requested->position)});
}

std::vector<models::FitParameter> parameters_to_fit(const configuration::Job& job) {
  std::vector<models::FitParameter> parameters;
  for (const auto& [name, requested] : job.varied()) {
    parameters.push_back({name, job.parameters.at(name).value, prior_of(job, requested.prior),
                          requested.lower, requested.upper});
  }
  return parameters;
}

void write_held_parameters(io::ResultFile& file, const configuration::Job& job) {
  for (const auto& [name, parameter] : job.parameters) {
    if (job.varied().contains(name)) continue;
    file.write_scalar("/parameters/" + name, parameter.value);
  }
}

}  // namespace kronwerk::application
