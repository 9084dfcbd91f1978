#pragma once

#include <vector>

#include "models/laplace/laplace_state.hpp"

namespace kronwerk::models {

/// Estimates of log|B| and of what its derivatives are made of, at the mode, all from the same
/// processes: with P = D^-½AD^-½ and random signs q, conjugate gradients for x = P⁻¹q are a Lanczos
/// process, whose quadrature is qᵀ log(P) q; and with v = GD^-½q, u = GD^-½x the means of
///   u∘v  and  (Wu)ᵀ∂K(Wv)   are   diag(Σ)  and  tr(WΣW∂K),   Σ = G A⁻¹Gᵀ, R = W − WΣW.
/// What is estimated are the differences to the same with W̃ and D (Σ̃ = G D⁻¹Gᵀ, u = v), which are
/// known exactly.
class LatentProbes {
 public:
  /// @param state  must outlive this
  explicit LatentProbes(LatentState& state) : state_(state) {}

  /// diag(Σ̃) W: this rank's home block. Collective.
  Vector nearest_leverage() const;
  /// tr(W ∂K) − tr(W̃Σ̃W̃ ∂K). Collective; O(Σ n_k² r_k) flops.
  double nearest_trace(const std::vector<ScaledProduct>& derivative) const;

  struct Probe {
    double log_value = 0;         ///< qᵀ log(P) q
    double quadrature_error = 0;  ///< of it
    Index steps = 0;
    bool settled = false;
    Vector start;   ///< q
    Vector solved;  ///< x
  };
  /// Collective; about ten products with P.
  Probe take(Index number) const;

  /// What derivatives need of a probe.
  struct Fields {
    Vector leverage;  ///< W∘(u∘v − v∘v)
    Vector left;      ///< Wu
    Vector right;     ///< Wv
    Vector nearest;   ///< W̃v
  };
  /// Collective; two products with G.
  Fields fields(const Probe& probe) const;
  /// (W̃v)ᵀ∂K(W̃v) − (Wu)ᵀ∂K(Wv). Collective; two products with ∂K.
  double trace(const Fields& fields, const std::vector<ScaledProduct>& derivative) const;

 private:
  LatentState& state_;
};

}  // namespace kronwerk::models
