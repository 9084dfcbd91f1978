#pragma once

#include <span>
#include <vector>

#include "kronwerk/factors/base/factor.hpp"
#include "kronwerk/models/covariance/covariance.hpp"

namespace kronwerk::models {

/// variance −= diag(C K⁻¹ Cᵀ) for a covariance with a dense core, C = Σ_t s_t ⊗C_t,k: with
/// C_t V W diag(1/√λ), which depends on the new points of the modes without ones only, squares that
/// nothing cancels in. O(r²) flops for each of these points, O(r) for each point of the grid.
/// Collective.
/// @param projected  per signal term and mode C_t,k V_k: of rank one where the term has ones, dense
///                   else
/// @param points     home layout of the new grid
void subtract_explained(const Covariance& covariance,
                        const std::vector<std::vector<factors::FactorPtr>>& projected,
                        const Layout& points, std::span<double> variance);

}  // namespace kronwerk::models
