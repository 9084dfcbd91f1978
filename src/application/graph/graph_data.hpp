#pragma once

#include <vector>

#include "application/graph/graph_input.hpp"

namespace kronwerk::application {

/// What a graph is estimated from, as numbers; the same on every rank.
struct GraphData {
  std::vector<std::vector<double>> grams;     ///< S_k, n_k x n_k
  std::vector<std::vector<double>> held_out;  ///< those of the samples held out; empty if none are
  std::vector<std::vector<double>> weights;   ///< of the penalties; empty for ones
  std::vector<double> mean_diagonals;         ///< of S_k
  /// How many samples S_k is a mean over, less the one that a mean over the samples takes.
  double degrees = 1;
};

/// Reads samples in blocks, takes the centre from them and makes their mode-wise Grams, or reads
/// these. Collective.
/// @throws DataError on every rank for values that are not finite, slices of zeros, and weights
/// that are negative, NaN or not symmetric, with mode and row
GraphData read_graph_data(const JobContext& context, const GraphInput& input);

}  // namespace kronwerk::application
