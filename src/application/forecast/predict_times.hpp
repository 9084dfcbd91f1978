#pragma once

#include <string>
#include <vector>

#include "application/command_line/command_line.hpp"
#include "application/session/job_context.hpp"
#include "kronwerk/prediction/forecast.hpp"

namespace kronwerk::application {

/// Reads a machine file on rank 0 for every rank. Collective. @throws ConfigurationError
configuration::Machine read_machine(const communication::Communicator& comm,
                                    const std::string& file);

/// Prints what the job will take on the machine, for each of the numbers of ranks of `line`.
/// Collective. @throws ConfigurationError for a machine file that lacks what is needed
void predict_times(const PlanRequest& request, const CommandLine& line,
                   const configuration::Machine& machine);

/// What a prediction is for.
struct ForecastRequest {
  std::vector<int> ranks;
  int per_node = 1;  ///< ranks of a full node
  int threads = 1;
};

/// The printed prediction: seconds per stage, what does not shrink, where more ranks lead, and what
/// is assumed. Local.
std::vector<std::string> forecast_lines(const prediction::Model& model,
                                        const configuration::Machine& machine,
                                        const ForecastRequest& request);
/// A line per number of ranks and stage, with a head. Local.
std::vector<std::string> forecast_csv(const prediction::Model& model,
                                      const configuration::Machine& machine,
                                      const ForecastRequest& request);
/// {"predicted": …} for each number of ranks, the total with the units that are known or assumed.
/// Local.
std::vector<std::string> forecast_json(const prediction::Model& model,
                                       const configuration::Machine& machine,
                                       const ForecastRequest& request);

}  // namespace kronwerk::application
