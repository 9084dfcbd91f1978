#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/communication/communicator.hpp"

namespace kronwerk::models {

using core::Index;

/// A point, the function and its gradient there.
struct MinimisePoint {
  std::vector<double> free;
  double value = 0;
  std::vector<double> gradient;
  double gradient_error = 0;  ///< of its entries, the largest
};

/// Collective; absent where the function is not defined.
using Function = std::function<std::optional<MinimisePoint>(std::span<const double> free)>;

struct MinimiseSettings {
  std::vector<double> lower;
  std::vector<double> upper;
  std::vector<double> longest_step;  ///< per coordinate and iteration
  double tolerance = 1e-5;           ///< largest entry of the projected gradient
  Index max_iterations = 200;
  /// Told of the beginning and of every iteration; may throw to stop.
  std::function<void(const MinimisePoint&, double gradient_norm, double step)> on_iteration;
};

struct MinimiseOutcome {
  MinimisePoint point;
  double gradient_norm = 0;
  bool converged = false;
  std::string reason;
};

/// Largest entry of the gradient, but for what presses against a bound.
double projected_norm(const MinimisePoint& point, std::span<const double> lower,
                      std::span<const double> upper);

/// Bounded quasi-Newton with PETSc's TAO. Collective; the same on every rank.
/// @param start  within the bounds
MinimiseOutcome minimise(const communication::Communicator& comm, const Function& function,
                         const MinimisePoint& start, const MinimiseSettings& settings);

}  // namespace kronwerk::models
