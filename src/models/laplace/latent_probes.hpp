#pragma once

#include <vector>

#include "models/laplace/laplace_state.hpp"

namespace kronwerk::models {

/// Estimates of what derivatives of log|B| are made of, at the mode, as differences to those of the
/// nearest product, which are exact: with R = W − WΣW, Σ = G A⁻¹ Gᵀ, and R̃, Σ̃ the same with W̃ and
/// the diagonal D in place of A, the mean over probes z of
///   zᵀ∂K (R − R̃) z  is  tr(R ∂K) − tr(R̃ ∂K),    z∘(ΣW − Σ̃W̃) z  is  diag(ΣW) − diag(Σ̃W̃).
class LatentProbes {
 public:
  /// @param state  must outlive this
  explicit LatentProbes(LatentState& state) : state_(state) {}

  /// diag(Σ̃W̃): this rank's home block. Collective.
  Vector nearest_leverage() const;
  /// tr(R̃ ∂K). Collective; O(Σ n_k² r_k) flops.
  double nearest_trace(const std::vector<ScaledProduct>& derivative) const;

  struct Probe {
    Vector values;    ///< z
    Vector leverage;  ///< z∘(ΣW − Σ̃W̃) z
    Vector reduced;   ///< (R − R̃) z
  };
  /// Collective; one system.
  Probe take(Index number) const;

  /// qᵀ log(P) q for random signs q, P = D^-½AD^-½, whose mean is log|A| − log|D|: conjugate
  /// gradients for P⁻¹q are a Lanczos process, and its Gauss quadrature is this.
  struct Logarithm {
    double value = 0;
    double quadrature_error = 0;
    Index steps = 0;
    bool settled = false;
  };
  /// Collective; some ten products with P.
  Logarithm logarithm(Index number) const;
  /// zᵀ∂K (R − R̃) z. Collective.
  double trace(const Probe& probe, const std::vector<ScaledProduct>& derivative) const;

 private:
  LatentState& state_;
};

}  // namespace kronwerk::models
