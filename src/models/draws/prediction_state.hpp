#pragma once

#include <vector>

#include "kronwerk/models/draws/prediction.hpp"

namespace kronwerk::models {

/// What a prediction keeps: per signal term and mode.
struct Prediction::State {
  std::vector<std::vector<factors::Chain>> cross;  ///< C_t,k, the data's own matrix where it stays
  std::vector<std::vector<factors::FactorPtr>> projected;         ///< G_t,k
  std::vector<std::vector<std::vector<double>>> prior_diagonals;  ///< empty where not given
  /// Per mode V_k∘V_k, of covariances with inverses of sums.
  std::vector<factors::FactorPtr> squared_bases;
};

}  // namespace kronwerk::models
