#include "application/fit/fit_parameters.hpp"

namespace kronwerk::application {

std::vector<models::FitParameter> parameters_to_fit(const configuration::Job& job,
                                                    const configuration::FitRequest& request) {
  std::vector<models::FitParameter> parameters;
  for (const auto& [name, requested] : request.parameters) {
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

void write_held_parameters(io::ResultFile& file, const configuration::Job& job,
                           const configuration::FitRequest& request) {
  for (const auto& [name, parameter] : job.parameters) {
    if (request.parameters.contains(name)) continue;
    file.write_scalar("/parameters/" + name, parameter.value);
  }
}

}  // namespace kronwerk::application
