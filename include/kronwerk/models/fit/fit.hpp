#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/models/fit/prior.hpp"

namespace kronwerk::models {

/// A parameter to estimate.
struct FitParameter {
  std::string name;
  double initial = 1;  ///< where the first start begins
  std::optional<Prior> prior;
  std::optional<double> lower;
  std::optional<double> upper;
  bool unscaled = false;  ///< its free coordinate is itself, even if it cannot be negative
};

/// Where a parameter may lie: the bounds within the prior's support. With neither a lower bound
/// nor a prior it is at least 0, unless the upper bound is not positive.
struct Support {
  double lower = 0;
  double upper = std::numeric_limits<double>::infinity();
};
/// @throws ConfigurationError if nothing is left
Support support_of(const FitParameter& parameter);

/// A log density and its gradient by each parameter.
struct Evaluation {
  double value = 0;
  std::vector<double> gradient;
  /// Standard errors of the gradient where value and gradient are separate estimates, which then
  /// need not vanish together: empty for none.
  std::vector<double> gradient_errors{};
};
/// Collective; the same on every rank. Throws DataError (on every rank) where it is not defined, as
/// at a singular covariance; such points are avoided.
using DensityFunction = std::function<Evaluation(std::span<const double> parameters)>;

/// One call of the log density and what it gave, to be used again.
struct RecordedEvaluation {
  std::vector<double> parameters;
  bool defined = false;
  Evaluation result{};
};

/// What is known of one start.
struct StartState {
  std::vector<double> parameters;  ///< the best so far; empty before the first evaluation
  double objective = -std::numeric_limits<double>::infinity();  ///< log density + log prior there
  double gradient_norm = 0;  ///< largest entry in the free coordinates, but for active bounds
  Index iterations = 0;
  Index evaluations = 0;
  bool finished = false;
  bool converged = false;
  std::string outcome;          ///< why it ended
  std::vector<double> history;  ///< the objective at each iteration, the first being the beginning
};

/// What is known of a whole fit: a checkpoint. Plain data; parse_fit_state(to_text(state)) is the
/// same to the last bit. Starts that have finished stand for themselves; everything else is done
/// again with the evaluations that are there, so that a fit that goes on makes the same numbers as
/// one that was never stopped.
struct FitState {
  std::vector<std::string> names;
  std::uint64_t seed = 1;
  std::vector<StartState> starts;
  /// Since the last start finished, in their order.
  std::vector<RecordedEvaluation> evaluations;
};
std::string to_text(const FitState& state);
/// @throws DataError if `text` is no complete state
FitState parse_fit_state(const std::string& text);

/// One line for people. Iteration 0 is the beginning.
struct FitIteration {
  Index start = 0;
  Index iteration = 0;
  double objective = 0;
  double gradient_norm = 0;
  double step = 0;  ///< largest change of a free coordinate
  std::span<const double> parameters;
};

struct FitSettings {
  Index starts = 1;
  std::uint64_t seed = 1;
  /// Largest entry of the gradient in the free coordinates at which a start has converged.
  double tolerance = 1e-5;
  Index max_iterations = 200;  ///< of each start
  bool standard_errors = true;
  /// Where a start begins, attempt 0, 1, … until the log density is defined there; empty: as fit()
  /// says.
  std::function<std::vector<double>(Index start, Index attempt)> beginning;
  /// Both are called on every rank with the same values, and may throw to stop. Iterations that are
  /// done again are not told.
  std::function<void(const FitIteration&)> on_iteration;
  /// After every start, and after every evaluation as long as they are few: then when they have
  /// become a hundredth more.
  std::function<void(const FitState&)> checkpoint;
  std::optional<FitState> resume;
};

struct FitResult {
  std::vector<double> parameters;
  double objective = 0;          ///< log density + log prior
  double log_density = 0;        ///< without the priors
  std::vector<double> gradient;  ///< of the objective by the parameters
  bool converged = false;
  std::size_t best = 0;        ///< the start these belong to
  std::vector<char> at_bound;  ///< of each parameter: on a bound that the gradient presses against
  /// Of each parameter, from the observed information; absent on a bound, and for all of them if
  /// the information is not positive definite or was not asked for.
  std::vector<std::optional<double>> standard_errors;
  /// (n, n) inverse of the observed information, zero for parameters on bounds; empty likewise.
  std::vector<double> covariance;
  std::string information;  ///< why there are no standard errors, in words; else empty
  Index evaluations = 0;    ///< of the log density in all, differences included
  FitState state;           ///< all starts
};

/// Maximises log density + log priors: maximum likelihood, or the mode of the posterior density of
/// the parameters as they are named (no Jacobian of a transform).
///
/// Quasi-Newton with bounds (PETSc TAO; options -tao_*) in free coordinates: the logarithm of
/// parameters that cannot be negative, the others as they are. The first start begins at the
/// initial values; the others at draws from the priors, and without one at a point of a bounded
/// interval, or around the initial value (factors exp(z), or steps z max(1, |initial|), z standard
/// normal). The best start counts; its point is returned even if it did not converge.
///
/// Observed information: minus the matrix of second derivatives of the objective by the
/// parameters, by central differences of the gradient. Collective.
/// @throws ConfigurationError for an initial value outside the support, or a state to resume that
/// belongs to another fit, or to one of another density; the log density's own error if it is not
/// defined at any beginning
FitResult fit(const communication::Communicator& comm, const DensityFunction& log_density,
              const std::vector<FitParameter>& parameters, const FitSettings& settings);

}  // namespace kronwerk::models
