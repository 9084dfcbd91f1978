#pragma once

#include <functional>
#include <vector>

#include "kronwerk/prediction/forecast.hpp"

namespace kronwerk::prediction {

/// Reductions of a kernel formula over one index of its points.
struct ReductionWork {
  Index kept = 0;              ///< results
  Index reduced = 0;           ///< terms of each
  double cost = 1;             ///< of a pair, compared with the one that is measured
  double bytes_per_point = 0;  ///< of the side whose blocks travel
  double input_bytes = 0;
  double result_bytes = 0;
  double datasets = 0;
  /// Whether ranks share the results, so that blocks travel, or else the terms.
  std::function<bool(int ranks)> keeps_axis;
};

std::vector<Stage> price_reduction(const Pricing& pricing, const ReductionWork& work);

}  // namespace kronwerk::prediction
