#pragma once

#include <span>
#include <vector>

#include "kronwerk/factors/base/factor.hpp"
#include "kronwerk/models/covariance/covariance.hpp"

namespace kronwerk::models {

/// What the terms with ones leave of their prior variances, of a covariance with an update: with
/// their coefficients z ~ N(0, I), of which a point has b ᵀz, and c the covariance of the other
/// terms there with the data, variance += ‖C⁻¹(b − TᵀUᵀ diag(1/e) c)‖² − ‖b‖². O(r²) flops per
/// point. Collective.
/// @param projected  per signal term and mode C_t,k V_k: of rank one where the term has ones, dense
///                   else
/// @param points     home layout of the new grid
void add_left_by_ones(const Covariance& covariance,
                      const std::vector<std::vector<factors::FactorPtr>>& projected,
                      const Layout& points, std::span<double> variance);

}  // namespace kronwerk::models
