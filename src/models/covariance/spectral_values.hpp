#pragma once

#include "kronwerk/models/covariance/covariance.hpp"
#include "models/covariance/grid_values.hpp"

namespace kronwerk::models {

/// The e of K = V⁻ᵀ diag(e) V⁻¹ as values over the grid. Local.
std::vector<GridTerm> spectral_values(const Covariance& covariance);

}  // namespace kronwerk::models
