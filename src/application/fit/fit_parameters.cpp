#include "application/fit/fit_parameters.hpp"

namespace kronwerk::application {

std::vector<models::FitParameter> parameters_to_fit(const configuration::Job& job) {
  std::vector<models::FitParameter> parameters;
  for (const auto& [name, requested] : job.varied()) {
    models::FitParameter parameter{
        name, job.parameters.at(name).value, {}, requested.lower, requested.upper};
    if (requested.prior) {
      parameter.prior =
          models::Prior::parse({requested.prior->value, job.where(requested.prior->position)});
    }
    parameters.push_back(std::move(parameter));
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
