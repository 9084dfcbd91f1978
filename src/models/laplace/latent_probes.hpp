#pragma once

#include <memory>
#include <vector>

#include "models/laplace/laplace_state.hpp"

namespace kronwerk::models {

/// log|B| and what its derivatives are made of, diag(ΣW) and tr(R ∂K), at the mode: with
/// Σ = G A⁻¹ Gᵀ and R = W − WΣW, P = D^-½AD^-½ and random signs q of the coordinates,
///   E qᵀ log(P) q = log|A| − log|D|,   E (P⁻¹q) qᵀ = P⁻¹,
/// one run of conjugate gradients for both. Derivatives are estimated as differences to Σ̃ and R̃
/// with W̃ and D in place of W and A, which are known exactly.
class LatentProbes {
 public:
  /// @param state  must outlive this
  explicit LatentProbes(LatentState& state) : state_(state) {}

  /// diag(Σ̃W̃): this rank's home block. Collective.
  Vector nearest_leverage() const;

  /// A change ∂K of the covariance.
  struct Change {
    /// Ġ of what changes terms in one mode: tr(R ∂K) = 2 tr(Ġᵀ W G A⁻¹), which does not cancel.
    std::unique_ptr<operators::ProductSum> root;
    /// The rest ∂K': tr(R ∂K') = tr(W ∂K') − tr(W ∂K' W Σ).
    std::unique_ptr<operators::ProductSum> rest;
    /// What is exact of the trace.
    double known = 0;
  };
  /// Collective; O(Σ n_k² r_k) flops.
  Change change_of(const std::vector<ScaledProduct>& derivative) const;

  /// What conjugate gradients for P⁻¹q tell: a Lanczos process, whose Gauss quadrature is the
  /// logarithm.
  struct Probe {
    double logarithm = 0;  ///< qᵀ log(P) q
    double quadrature_error = 0;
    Index steps = 0;
    bool settled = false;
    Vector signs;     ///< D^-½ q
    Vector solution;  ///< D^-½ P⁻¹q
  };
  /// Collective; some fifteen products with P.
  Probe take(Index number) const;

  /// A probe in the field, for derivatives.
  struct Fields {
    Vector signs;     ///< D^-½ q
    Vector image;     ///< WG D^-½ P⁻¹q
    Vector nearest;   ///< W̃G D^-½ q
    Vector leverage;  ///< of which diag(ΣW) − diag(Σ̃W̃) is the mean
  };
  /// Collective; a product with P.
  Fields fields_of(Probe probe) const;
  /// What the mean of tr(R ∂K) has beside what is known. Collective.
  double trace(const Fields& probe, const Change& change) const;

 private:
  double known_of_rest(const std::vector<ScaledProduct>& rest) const;
  double sum_over_coordinates(std::vector<GridTerm> values) const;

  LatentState& state_;
};

}  // namespace kronwerk::models
