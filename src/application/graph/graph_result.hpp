#pragma once

#include <optional>
#include <string>
#include <vector>

#include "application/graph/graph_criteria.hpp"
#include "application/graph/graph_data.hpp"
#include "kronwerk/models/graph/graph.hpp"

namespace kronwerk::application {

/// What is said of one point of a path, beside its factors.
struct GraphSummary {
  bool exists = true;  ///< else there is no minimum, and the numbers are NaN
  bool converged = false;
  std::string reason;  ///< why not
  double kkt = 0;
  double objective = 0;
  double log_determinant = 0;
  double offset = 0;
  double held_out = 0;  ///< log density of the samples held out
  GraphCriteria criteria;
  Index iterations = 0;
  Index proximal_steps = 0;
  Index newton_steps = 0;
  std::vector<Index> edges;   ///< |E_k|
  std::vector<Index> stored;  ///< entries of the factors that are not zero

  /// For Checkpoint; all but `reason`.
  std::vector<double> to_numbers() const;
  static GraphSummary from_numbers(const std::vector<double>& numbers);
};

/// Local. @param held_out  how many samples are
GraphSummary summarise(const GraphInput& input, const GraphData& data,
                       const models::GraphEstimate& estimate, double gamma);
/// Of a point without a minimum.
GraphSummary no_result(std::size_t modes, const std::string& reason);

/// Writes the factors as CSR groups below `parent` ("" or "/path/3"), with their ids. Collective.
void write_factors(const JobContext& context, const GraphInput& input, const std::string& parent,
                   const models::GraphEstimate& estimate);
/// Takes them over from what an earlier run has kept. Collective.
void take_over_factors(const JobContext& context, const GraphInput& input,
                       const std::string& parent, const GraphSummary& summary);

}  // namespace kronwerk::application
