#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::models {

using core::Index;

/// A log density and its gradient at a point.
struct TargetPoint {
  double value = 0;
  std::vector<double> gradient;
};

/// What is sampled from: a log density over ℝⁿ, up to a constant. Absent where it is not defined,
/// which ends a trajectory as a divergence. The same on every rank.
using TargetDensity = std::function<std::optional<TargetPoint>(std::span<const double> position)>;

}  // namespace kronwerk::models
