#pragma once

#include <span>
#include <vector>

#include "kronwerk/models/flow/moments.hpp"

namespace kronwerk::models {

/// Sums of rows and columns of vectors over the grid, for modes with fixed effects: what is to be
/// known to take the effects out of the vectors' inner products.
class EffectSums {
 public:
  /// @param vectors  the columns' lags, then the lags of y
  EffectSums(const FixedEffects& effects, const core::Extents& extents, std::size_t vectors);

  bool needed() const noexcept { return effects_.any(); }
  /// A row of a distributed vector. Local.
  void add_row(std::size_t vector, Index origin, const double* row);
  /// After all rows. Collective.
  void finish(const communication::Communicator& comm);
  /// weight · u vᵀ and weight · diag(u), on every rank, after `finish`. Local.
  void add_product(std::size_t vector, double weight, std::span<const double> u,
                   std::span<const double> v);
  void add_diagonal(std::size_t vector, double weight, std::span<const double> u);

  /// Moves the sums into the moments and takes the effects out of these. Local.
  void take_out(FlowMoments& moments) &&;

 private:
  double* sums_of(std::size_t mode, std::size_t vector) {
    return sums_[mode].data() + vector * static_cast<std::size_t>(extents_[mode]);
  }

  FixedEffects effects_;
  core::Extents extents_;
  std::size_t vectors_;
  std::array<std::vector<double>, 2> sums_;
};

}  // namespace kronwerk::models
