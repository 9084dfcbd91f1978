#pragma once

#include <string>
#include <utility>
#include <vector>

#include "kronwerk/models/fit/fit.hpp"
#include "kronwerk/models/fit/newton.hpp"
#include "kronwerk/models/flow/filter.hpp"
#include "kronwerk/models/flow_determinants/region.hpp"

namespace kronwerk::models {

/// Where the parameters of a filter may be: the bounds and priors that the user gave, and the
/// feasible region. They are the first variables of a fit; others have no constraints.
class FilterConstraints {
 public:
  /// @param filter  must outlive this
  /// @param parameters  in the filter's order; without a bound or prior there is none
  /// @throws ConfigurationError for an initial value outside the bounds or the prior's support, or
  /// outside the feasible region
  FilterConstraints(const FlowFilter& filter, FeasibleRegion region,
                    std::vector<FitParameter> parameters);

  /// What must not be negative: distances from the bounds, then those of the region.
  NewtonConstraints operator()(std::span<const double> x) const;
  /// Whether x is inside all of them.
  bool hold(std::span<const double> x) const;
  /// Those of the parameters themselves, infinite where there are none.
  std::vector<std::pair<double, double>> bounds() const;
  bool linear() const noexcept { return filter_->linear(); }

  /// Log prior densities: added to a log likelihood with its derivatives.
  void add_priors(NewtonPoint& point) const;
  double log_prior(std::span<const double> x) const;

  /// Where a start begins: start 0 at the initial values, others at draws from the priors, from
  /// bounded intervals, or around the initial values, nearer to them with every attempt.
  std::vector<double> beginning(std::uint64_t seed, Index start, Index attempt) const;

  /// The parameters that are on their bounds, of NewtonOutcome::active.
  std::vector<char> at_bound(const std::vector<char>& active) const;
  /// The borders of the region that x is on, or as good as, in words.
  std::vector<std::string> at_border(std::span<const double> x) const;

 private:
  struct Bound {
    std::size_t parameter;
    double value;
    double sign;  ///< 1 for a lower bound, -1 for an upper one
  };
  const FlowFilter* filter_;
  FeasibleRegion region_;
  std::vector<FitParameter> parameters_;
  std::vector<Bound> bounds_;
};

}  // namespace kronwerk::models
