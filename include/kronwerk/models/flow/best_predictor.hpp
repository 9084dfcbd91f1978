#pragma once

#include <memory>
#include <span>
#include <vector>

#include "kronwerk/models/flow/filter.hpp"
#include "kronwerk/models/flow/moments.hpp"

namespace kronwerk::models {

/// Best linear predictors of a Gaussian flow model A y = Zδ + ε at given parameters (Goulard,
/// Laurent and Thomas-Agnan 2017), with the precision Q = AᵀA: of what was not observed, given all
/// that was, and of every flow given all others, y_i − (Q (y − E y))_i / Q_ii.
struct BestPrediction {
  /// This rank's rows: y, and where it was not observed its predictor.
  std::vector<double> completed;
  /// The same of every flow from all others that were observed; empty if more than
  /// most_missing_flows were not.
  std::vector<double> leave_one_out;
  Index unobserved = 0;
  Index iterations = 0;  ///< of conjugate gradients, for the unobserved ones
  double residual = 0;   ///< of their system, relative
  bool converged = true;
};

/// @param y        this rank's rows; NaN: not observed
/// @param trend    Zδ, or A Zδ where the filter acts on the errors: what A y is expected to be
/// @param tolerance, max_iterations  of the conjugate gradients
/// Collective. One application of A and of Aᵀ, and two for each iteration; where m flows were not
/// observed, O(m³) besides, and O(k²) for every flow that has to do with k of them.
BestPrediction predict_best(const communication::Communicator& comm,
                            const std::shared_ptr<Workspace>& workspace, const FlowFilter& filter,
                            const FlowMatrices& matrices, std::span<const double> parameters,
                            std::span<const double> y, std::span<const double> trend,
                            double tolerance, Index max_iterations);

}  // namespace kronwerk::models
