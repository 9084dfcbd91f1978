#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::models {

using core::Index;

/// A function of n variables with its first and second derivatives at a point.
struct NewtonPoint {
  std::vector<double> x;
  double value = 0;
  std::vector<double> gradient;
  std::vector<double> hessian;  ///< (n, n)
};
/// Absent where the function is not defined. The same on every rank.
using NewtonFunction = std::function<std::optional<NewtonPoint>(std::span<const double> x)>;

/// What must not be negative, at a point.
struct NewtonConstraints {
  std::vector<double> values;
  std::vector<double> jacobian;  ///< (constraints, n)
};
using ConstraintFunction = std::function<NewtonConstraints(std::span<const double> x)>;

struct NewtonSettings {
  /// Of √(dᵀ B d), d the Newton step and B minus the Hessian: the distance to the maximum in
  /// standard errors, for a log likelihood.
  double tolerance = 1e-6;
  Index max_iterations = 200;
  /// Whether the constraints are linear; else they are looked at between the ends of steps too.
  bool linear_constraints = true;
  /// Told of the beginning and of every iteration; may throw to stop.
  std::function<void(const NewtonPoint&, double distance, double step)> on_iteration;
};

struct NewtonOutcome {
  NewtonPoint point;
  double distance = 0;       ///< what the tolerance is for
  std::vector<char> active;  ///< of each constraint: zero, and the gradient presses against it
  bool converged = false;
  Index iterations = 0;
  std::string reason;
};

/// Maximises by Newton's method with the exact Hessian: each step maximises the quadratic model
/// within the linearised constraints (a primal active set; Nocedal and Wright 2006, section 16.5),
/// is moved back where the constraints that hold it bend (a second-order correction, section 15.6),
/// and is halved until the function grows, as far as its rounding tells. Where the Hessian is not
/// negative definite, a multiple of its diagonal is taken off. Meant for a few dozen variables;
/// deterministic and local but for the function's own communication.
/// @param start  within the constraints, defined
NewtonOutcome maximise(const NewtonFunction& function, const ConstraintFunction& constraints,
                       const NewtonPoint& start, const NewtonSettings& settings);

}  // namespace kronwerk::models
