#pragma once

#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/models/fit/fit.hpp"
#include "kronwerk/models/posterior/target.hpp"

namespace kronwerk::models {

/// A parameter that is sampled: within its bounds, which are also the prior's.
struct PosteriorParameter {
  std::string name;
  double initial = 0;
  std::optional<Prior> prior{};  ///< flat if absent
  double lower = -std::numeric_limits<double>::infinity();
  double upper = std::numeric_limits<double>::infinity();

  /// Whether the prior density has an integral.
  bool proper() const;
};

/// What is left of the bounds by the prior's support.
struct BoundedSupport {
  double lower;
  double upper;
  /// x, or a point inside of them near it.
  double inside(double x) const;
};
BoundedSupport bounded_support(const PosteriorParameter& parameter);

/// Bounds within the prior's support. @throws ConfigurationError if nothing is left, or the initial
/// value is outside
PosteriorParameter bounded(PosteriorParameter parameter);

/// x of a free coordinate u ∈ ℝ: log(x - lower) = u with one bound, the logit of
/// (x - lower)/(upper - lower) with both, x itself with none.
struct FreeValue {
  double x = 0;
  double derivative = 1;      ///< dx/du
  double log_jacobian = 0;    ///< log |dx/du|
  double jacobian_slope = 0;  ///< d log|dx/du| / du
};
FreeValue from_free(const PosteriorParameter& parameter, double u);
double to_free(const PosteriorParameter& parameter, double x);

/// log p(y | x) + log p(x) + log |dx/du| as a function of free coordinates u: what is sampled, so
/// that draws of x have the density p(x | y). A fit maximises the first two without the third.
class PosteriorDensity {
 public:
  /// @param log_density  by the parameters; throws DataError where it is not defined
  /// @param comm         must outlive this
  PosteriorDensity(const communication::Communicator& comm, DensityFunction log_density,
                   std::vector<PosteriorParameter> parameters);

  std::size_t dimension() const noexcept { return parameters_.size(); }
  const std::vector<PosteriorParameter>& parameters() const noexcept { return parameters_; }
  std::vector<double> initial() const;
  std::vector<double> from_free(std::span<const double> u) const;
  /// dx/du of each.
  std::vector<double> derivatives(std::span<const double> u) const;
  Index evaluations() const noexcept { return evaluations_; }

  /// Rank 0's numbers on every rank, so that what follows from them is the same. Collective.
  std::optional<TargetPoint> evaluate(std::span<const double> u);

 private:
  std::optional<TargetPoint> evaluate_here(std::span<const double> u);

  const communication::Communicator* comm_;
  DensityFunction log_density_;
  std::vector<PosteriorParameter> parameters_;
  Index evaluations_ = 0;
};

/// A target in other coordinates: u = centre + L v.
struct Coordinates {
  std::vector<double> centre;
  std::vector<double> factor;  ///< L, (n, n), lower

  std::vector<double> at(std::span<const double> v) const;
  TargetDensity transformed(TargetDensity target) const;
};

/// Where chains begin, and in which coordinates: about uncorrelated with unit variances.
struct PosteriorMode {
  Coordinates coordinates;  ///< around the maximum; around the start if there is none
  bool found = false;
  std::string outcome;  ///< in words
};

/// Climbs from `start` and takes the second derivatives there, by differences of the gradient.
/// Collective.
/// @param information  (n, n): about minus the second derivatives at the start; empty if not known
/// @param diagonal     whether coordinates are only scaled
/// @throws DataError if the target is not defined at the start
PosteriorMode find_mode(const communication::Communicator& comm, const TargetDensity& target,
                        std::vector<double> start, const std::vector<double>& information,
                        bool diagonal);

}  // namespace kronwerk::models
