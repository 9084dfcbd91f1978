#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kronwerk/models/fit/fit.hpp"
#include "kronwerk/models/fit/newton.hpp"

namespace kronwerk::models {

struct NewtonFitSettings {
  Index starts = 1;
  std::uint64_t seed = 1;
  /// Where a start begins; attempt 0, 1, … until the function is defined there. Start 0 has one
  /// attempt.
  std::function<std::vector<double>(Index start, Index attempt)> beginning;
  NewtonSettings newton;  ///< its on_iteration is not called
  /// Both are called on every rank with the same values, and may throw to stop.
  std::function<void(const FitIteration&)> on_iteration;
  std::function<void(const FitState&)> checkpoint;
  std::optional<FitState> resume;
};

struct NewtonFitResult {
  NewtonOutcome outcome;  ///< of the best start
  std::size_t best = 0;
  FitState state;  ///< all starts
};

/// Maximises from several starts. A state to resume goes on where it was: Newton's method knows
/// nothing but its point, so that the numbers are those of a run that was never stopped.
/// @param names  of the variables, to know a state of another fit by
/// @throws ConfigurationError for a state of another fit, DataError if the function is defined at
/// no beginning
NewtonFitResult fit_by_newton(const NewtonFunction& function, const ConstraintFunction& constraints,
                              const std::vector<std::string>& names,
                              const NewtonFitSettings& settings);

}  // namespace kronwerk::models
