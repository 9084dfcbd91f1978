#pragma once

#include "kronwerk/models/flow_determinants/bilinear_determinant.hpp"

namespace kronwerk::models {

/// q(a, b) = c00 + c01 b + c10 a + c11 a b.
struct Bilinear {
  double c00 = 0;
  double c01 = 0;
  double c10 = 0;
  double c11 = 0;
};

/// Bounds of the errors of Σ_j Σ_i w_i log q(a_i, b_j) that the moments of the a make.
class MomentError {
 public:
  /// @param a  with moments
  MomentError(const SpectralNodes& a, const SpectralNodes& b, const Bilinear& q);
  /// With the first `count` moments: the rest of the Chebyshev series of log q(·, b), whose terms
  /// are 2 z^k / k at most with z the reciprocal of the sum of the half axes of the ellipse (foci
  /// at the ends of the a's interval) through the pole, for all b; and the errors of the moments.
  double with(Index count) const;

 private:
  const factors::ChebyshevMoments* moments_;
  double n_a_;
  double n_b_;
  double z_;              ///< 0 if log q does not depend on a
  double amplification_;  ///< by the sums over the nodes of the b
};

}  // namespace kronwerk::models
