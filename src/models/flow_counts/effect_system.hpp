#pragma once

#include <optional>
#include <span>
#include <vector>

#include "kronwerk/models/flow/fixed_effects.hpp"

namespace kronwerk::models {

/// M = DᵀΛD, with D the dummies of the modes that have fixed effects and Λ weights of all cells:
/// the information of the effects of a count model. Numbers of effects are those of the origins,
/// then those of the destinations, the same on every rank; cells are this rank's rows.
class EffectSystem {
 public:
  /// @param comm  must outlive this
  EffectSystem(const communication::Communicator& comm, FixedEffects effects,
               const core::Extents& extents);

  /// How many effects there are.
  std::size_t size() const noexcept { return offset_ + counts_[1]; }
  const FixedEffects& effects() const noexcept { return effects_; }

  /// Λ. Collective.
  void set_weights(std::vector<double> weights);
  /// Dᵀ x. Collective.
  std::vector<double> sums(std::span<const double> cells) const;
  /// DᵀΛ x. Collective.
  std::vector<double> weighted_sums(std::span<const double> cells) const;
  /// cells += D x. Local.
  void add(std::span<const double> effects, std::span<double> cells) const;
  /// M x. Collective.
  std::vector<double> apply(std::span<const double> effects) const;
  /// M x = b for vectors b one after the other, each of which is in M's range (which misses a
  /// constant in one mode against the other). With both modes by conjugate gradients on what
  /// eliminating the origins leaves, scaled to a unit diagonal. Collective.
  std::vector<double> solve(std::span<const double> right_sides) const;

  EffectValues split(std::span<const double> effects) const;

 private:
  std::vector<double> eliminated(std::span<const double> x) const;

  const communication::Communicator* comm_;
  FixedEffects effects_;
  std::size_t first_row_ = 0;
  std::size_t rows_ = 0;
  std::size_t width_ = 0;
  std::array<std::size_t, 2> counts_{};  ///< effects of each mode
  std::size_t offset_ = 0;               ///< where those of the destinations begin
  std::vector<double> weights_;
  std::vector<double> diagonal_;  ///< of M
};

/// What makes an effect have no estimate: flows that do not tell it.
struct UntoldEffect {
  enum class Reason { unobserved, zero, apart };
  Reason reason = Reason::unobserved;
  std::size_t mode = 0;
  Index region = 0;
};
/// The first region with no observed flow or with none but zeros; with effects of both modes also
/// one that no chain of observed flows leads to from another region. Collective.
/// @param years  this rank's rows of each year's counts, NaN where nothing was observed
std::optional<UntoldEffect> find_untold_effect(const communication::Communicator& comm,
                                               const FixedEffects& effects,
                                               const core::Extents& extents,
                                               std::span<const std::vector<double>> years);

}  // namespace kronwerk::models
