#pragma once

#include "kronwerk/models/covariance/covariance.hpp"
#include "models/covariance/grid_values.hpp"

namespace kronwerk::models {

/// Real terms of a spectrum. Local.
std::vector<GridTerm> real_terms(const std::vector<operators::SpectralTerm>& terms);
/// The real values of a spectrum over its grid. Local.
GridValues grid_values(const operators::SpectralSum& spectrum);

/// The e of K = V⁻ᵀ diag(e) V⁻¹, those of K without noise, and those of the noise. Local.
GridValues spectral_values(const Covariance& covariance);
GridValues field_values(const Covariance& covariance);
GridValues noise_values(const Covariance& covariance);

}  // namespace kronwerk::models
