#include "application/fit/fit_output.hpp"

#include <fmt/format.h>

#include <cmath>

#include "kronwerk/core/text.hpp"

namespace kronwerk::application {

std::string numbers_text(std::span<const std::string> names, std::span<const double> values) {
  std::vector<std::string> parts;
  for (std::size_t p = 0; p < names.size(); ++p) {
    parts.push_back(fmt::format("{} = {:.6g}", names[p], values[p]));
  }
  return core::join(parts, ", ");
}

std::string line_of(const models::FitIteration& iteration, std::span<const std::string> names) {
  return fmt::format("{:>5} {:>5}   {:<22.12g} {:<9.2g} {}", iteration.start + 1,
                     iteration.iteration, iteration.objective, iteration.gradient_norm,
                     numbers_text(names, iteration.parameters));
}

std::string not_converged(const models::StartState& best, const configuration::Job& job) {
  return fmt::format(
      "the fit did not converge: {}; the best point reached was written to {} with converged = 0. "
      "Raise fit.max_iterations or fit.tolerance, or start nearer",
      best.outcome, job.output.file);
}

void write_starts(io::ResultFile& file, const models::FitState& state) {
  const auto starts = std::ssize(state.starts);
  const auto width = std::ssize(state.names);
  std::vector<double> points;
  std::vector<double> objectives;
  std::vector<double> converged;
  for (const auto& start : state.starts) {
    for (std::size_t p = 0; p < state.names.size(); ++p) {
      points.push_back(start.parameters.empty() ? std::nan("") : start.parameters[p]);
    }
    objectives.push_back(start.objective);
    converged.push_back(start.converged ? 1 : 0);
  }
  file.write_array("/starts/parameters", core::Extents{starts, width}, points);
  file.write_vector("/starts/objective", objectives);
  file.write_vector("/starts/converged", converged);
}

}  // namespace kronwerk::application
