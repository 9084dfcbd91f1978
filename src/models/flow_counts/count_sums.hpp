#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "kronwerk/models/flow_counts/count_flow.hpp"

namespace kronwerk::models {

/// What is summed over the cells.
struct CountFlow::Sums {
  double value = 0;
  double by_theta = 0;
  double by_theta2 = 0;
  std::vector<double> gradient;  ///< Uᵀ s
  std::vector<double> gram;      ///< Uᵀ diag(w) U
  std::vector<double> by_both;   ///< Uᵀ ∂s/∂log θ

  bool finite() const {
    const auto good = [](double number) { return std::isfinite(number); };
    return good(value) && std::ranges::all_of(gradient, good) && std::ranges::all_of(gram, good);
  }
};

}  // namespace kronwerk::models
