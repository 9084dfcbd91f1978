#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kronwerk/models/covariance/covariance.hpp"
#include "kronwerk/models/density/log_density.hpp"

namespace kronwerk::models {

/// Draws of N(m, K): Σ_t √s_t (⊗S_t,k) z_t + Σ_j √s_j S_j^-½ z_j + √s_n ⊗√D_k z_n with S_t,k S_t,kᵀ
/// = C_t,k and the symmetric roots of the inverses of sums, O(N Σ n_k) flops each. The z are
/// counter-based: draw i of a seed is the same for every np, batch and call, to rounding.
class Sampler {
 public:
  /// Collective on comm, which must outlive the sampler.
  /// @param mean  columns, each with its coefficient
  /// @throws ConfigurationError for a mean without coefficients, ShapeError if the shapes differ,
  /// DataError for a negative variance or a factor that is not positive semi-definite
  Sampler(const communication::Communicator& comm, std::shared_ptr<Workspace> workspace,
          CovarianceTerms terms, std::vector<MeanColumn> mean = {});

  /// The home layout of `count` draws. Draws of a batch of at least np are made without exchanges.
  Layout layout(Index count) const;
  /// Draws first, …, first + count - 1 of a seed: this rank's home block of layout(count).
  /// Collective. @throws ShapeError if there is no room for the block
  void draw(std::uint64_t seed, Index first, Index count, std::span<double> values) const;

 private:
  const communication::Communicator* comm_;
  std::shared_ptr<Workspace> workspace_;
  CovarianceTerms terms_;
  std::vector<MeanColumn> mean_;
  Extents extents_;
  std::vector<std::vector<factors::Chain>> roots_;  ///< per signal term and mode
  std::vector<Covariance> inverses_;                ///< of sums, each by itself
};

}  // namespace kronwerk::models
