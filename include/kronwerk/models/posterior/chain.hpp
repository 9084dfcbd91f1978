#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kronwerk/models/posterior/target.hpp"

namespace kronwerk::models {

/// What is adapted to: a variance of each coordinate, or the covariance.
enum class MetricKind { diagonal, dense };

struct ChainSettings {
  Index warmup = 1000;  ///< iterations whose draws are not kept
  Index draws = 1000;
  std::uint64_t seed = 1;
  Index number = 0;  ///< of the chain: another stream of random numbers
  double target_acceptance = 0.8;
  Index max_depth = 10;  ///< trajectories have at most 2^max_depth - 1 steps
  MetricKind metric = MetricKind::dense;
};

/// One draw with the statistics of the iteration that made it.
struct Draw {
  std::vector<double> position;
  double log_density = 0;
  double energy = 0;  ///< the Hamiltonian at the draw
  Index depth = 0;
  Index steps = 0;         ///< gradients of the trajectory
  double acceptance = 0;   ///< mean Metropolis acceptance of its points
  double step_size = 0;    ///< that the trajectory had
  bool diverging = false;  ///< the energy's error passed 1000, or the density was not defined
};

/// One chain of the No-U-Turn sampler (Hoffman and Gelman 2014) with multinomial trajectories and
/// the windowed warm-up of Betancourt (2017), as Stan has them: the generalised criterion with its
/// checks across subtrees, dual averaging of the step size, and a metric from windows of 25, 50, …
/// iterations between 75 at the beginning and 50 at the end, shrunk towards 1e-3.
///
/// Knows nothing of ranks: where the target is the same on all of them, so are the draws. What
/// state() gives is all of it, so that a chain of it goes on with the same numbers.
class Chain {
 public:
  /// @throws DataError if the density is not defined at `start`; ConfigurationError for settings
  /// that are out of range
  Chain(TargetDensity target, std::vector<double> start, const ChainSettings& settings);
  /// One that goes on. @throws DataError if `state` is none of such a chain
  Chain(TargetDensity target, const ChainSettings& settings, std::size_t dimension,
        std::span<const double> state);
  ~Chain();
  Chain(Chain&&) noexcept;
  Chain& operator=(Chain&&) noexcept;

  /// Iterations done, those of the warm-up first.
  Index iteration() const noexcept;
  bool warming_up() const noexcept;
  bool finished() const noexcept;
  double step_size() const noexcept;
  /// The next iteration.
  Draw advance();
  /// Between iterations.
  std::vector<double> state() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kronwerk::models
