#pragma once

#include <optional>
#include <vector>

#include "kronwerk/factors/base/chain.hpp"
#include "kronwerk/factors/spectra/spectrum_extent.hpp"

namespace kronwerk::factors {

/// m_k = tr T_k((W − centre I) / half_width), 0 ≤ k < moments.size(), without an eigenvalue of W.
///
/// With the generating function of the Chebyshev polynomials (Abramowitz and Stegun 1972, 22.9.6),
/// log|det((1 + q²) I − 2 q X)| = −2 Σ_k Re(q^k) m_k / k: its values at the points q of half a
/// circle, one sparse LU each, give r^k m_k by a cosine transform.
struct ChebyshevMoments {
  double centre = 0;
  double half_width = 1;
  /// The sum of the half axes of an ellipse with foci ±1 that holds the spectrum of X; 1 if it is
  /// real.
  double ellipse = 1;
  double radius = 0;  ///< of the circle
  std::vector<double> values;
  std::vector<double> errors;  ///< bounds of the moments' errors
  SpectrumExtent extent;
  Index factorisations = 0;
  double checked = 0;  ///< the largest difference of a determinant or trace from its known value

  Index size() const noexcept { return static_cast<Index>(values.size()); }
};

/// What `chebyshev_moments` would do.
struct MomentEstimate {
  double flops = 0;  ///< of all factorisations
  Index factorisations = 0;
};

/// Nothing if the matrix is not stored sparse. Collective.
std::optional<MomentEstimate> estimate_chebyshev_moments(const communication::Communicator& comm,
                                                         const Chain& matrix);

/// The factorisations are spread over the ranks. Collective; the same numbers on every rank.
/// @param matrix  sparse, diagonal or an identity; square
/// @throws ShapeError if it is another
ChebyshevMoments chebyshev_moments(const communication::Communicator& comm, const Chain& matrix);

}  // namespace kronwerk::factors
