#pragma once

#include <optional>
#include <vector>

#include "kronwerk/models/flow_effects/effects.hpp"

namespace kronwerk::models {

/// Effects by the power series A⁻¹ = Σ_kl a_kl O^k ⊗ D^l of a filter with the identity and one
/// other matrix for each mode: (A⁻¹ x yᵀ)_ij = Σ_kl a_kl (O^k x)_i (D^l y)_j. It converges where
/// 1/q(a, b) has no pole with |a| and |b| up to norms of O and D, whatever their eigenvectors are.
class SeriesEffects {
 public:
  /// Absent if the filter has other matrices. Collective.
  /// @param comm, filter, matrices  must outlive the result
  static std::optional<SeriesEffects> make(const communication::Communicator& comm,
                                           const FlowFilter& filter, const FlowMatrices& matrices);

  /// As SpectralEffects::add(); does nothing and returns false where the series needs too many
  /// powers. Collective.
  bool add(const std::vector<const AttributeUse*>& uses, std::span<const double> coefficients,
           std::span<const double> c, const CellWeights& weights, FlowEffects& effects);
  /// Of the last call.
  std::string description() const;

 private:
  class Sums;
  SeriesEffects() = default;
  bool find_series(std::span<const double> c);

  const communication::Communicator* comm_ = nullptr;
  const FlowFilter* filter_ = nullptr;
  std::array<factors::Chain, 2> matrices_;  ///< O and D
  std::array<double, 2> norms_{};           ///< the least of their 1- and ∞-norms
  std::size_t powers_ = 0;
  std::vector<double> series_;  ///< (powers, powers): a_kl
};

}  // namespace kronwerk::models
