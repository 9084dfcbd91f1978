#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "kronwerk/configuration/job.hpp"

namespace kronwerk::application {

/// One point of a path of graphs; without a sweep there is one.
struct GraphPoint {
  std::vector<double> values;     ///< of the swept parameters, in the sweep's order
  std::vector<double> penalties;  ///< λ_k, in units of the mean diagonal of S_k
};

/// All points, the last axis of the sweep fastest. Pure.
/// @throws ConfigurationError, with a caret, for a penalty that is no number, negative or not
/// finite, with the values of the swept parameters there
std::vector<GraphPoint> graph_points(const configuration::Job& job);

/// Their numbers in the order in which they are solved, so that each begins near the one before:
/// from the largest penalty to the smallest.
std::vector<std::size_t> path_order(const std::vector<GraphPoint>& points);

/// "lambda = 0.1", of the swept parameters; empty without a sweep.
std::string text_of(const configuration::Job& job, const GraphPoint& point);

}  // namespace kronwerk::application
