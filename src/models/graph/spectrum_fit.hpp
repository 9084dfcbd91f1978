#pragma once

#include "models/graph/inverse_sums.hpp"

namespace kronwerk::models {

struct SpectrumFit {
  ModeVectors spectra;  ///< a_k
  double residual = 0;  ///< max |σ_k − b_k|
  double log_determinant = 0;
  bool converged = false;
  Index steps = 0;
  Index inner_iterations = 0;  ///< of conjugate gradients, in all
};

/// The diagonals a_k of a Kronecker sum s that minimise −log|s| + Σ m_k ⟨σ_k, a_k⟩: the mean of 1/s
/// over the other modes is σ_k. What estimates without penalties are in the eigenvectors of S_k,
/// and those with prohibitive ones. Newton's method by conjugate gradients; O(N / P) for each of
/// their iterations. Collective.
/// @param values     σ_k > 0, of one mean, which is about 1
/// @param tolerance  of the residual
SpectrumFit fit_spectra(const communication::Communicator& comm, const ModeVectors& values,
                        double tolerance, Index max_steps = 100);

/// Σ_k ⟨x_k, y_k⟩ / n_k. Local.
double mean_product(const ModeVectors& x, const ModeVectors& y);
/// The least s: Σ_k min a_k. Local.
double least_sum(const ModeVectors& spectra);
/// The largest likewise.
double largest_sum(const ModeVectors& spectra);

/// Gives all modes one mean and leaves ⊕ x_k as it is: rounding lets them part. Local.
void balance(ModeVectors& x);

}  // namespace kronwerk::models
