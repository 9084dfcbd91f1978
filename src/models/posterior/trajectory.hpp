#pragma once

#include <optional>
#include <span>
#include <vector>

#include "kronwerk/models/posterior/target.hpp"
#include "models/posterior/metric.hpp"
#include "models/posterior/random_numbers.hpp"

namespace kronwerk::models {

/// A position with what is known of the density there, and a momentum.
struct PhasePoint {
  std::vector<double> position;
  TargetPoint target;
  std::vector<double> momentum;
};

/// One step of the leapfrog integrator; false where the density is not defined.
bool leapfrog(const TargetDensity& target, const Metric& metric, double step, PhasePoint& point);
/// -log density + ½ pᵀM⁻¹p
double energy_of(const PhasePoint& point, const Metric& metric);

struct Transition {
  PhasePoint point;
  double energy = 0;
  Index depth = 0;
  Index steps = 0;
  double acceptance = 0;
  bool diverging = false;
};

/// One trajectory of the No-U-Turn sampler, doubled until it turns (Betancourt 2017, appendix A),
/// and a draw from its points by their weights.
/// @param start  its momentum is drawn anew
Transition run_trajectory(const TargetDensity& target, const Metric& metric, double step,
                          Index max_depth, RandomNumbers& random, PhasePoint start);

}  // namespace kronwerk::models
