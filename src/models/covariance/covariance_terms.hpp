#pragma once

#include "kronwerk/models/covariance/covariance.hpp"

namespace kronwerk::models {

/// The terms' common shape, after checks that need no decomposition: square factors of equal
/// shapes, variances that are not negative, noise of diagonals. Local.
/// @throws ShapeError, ConfigurationError, DataError
Extents check_terms(const CovarianceTerms& terms);

/// The split of `batch` vectors over the grid, by estimate. Local.
/// @param terms  modes in which all are diagonal cost nothing
int choose_leading_modes(int ranks, const Extents& extents, const std::vector<ScaledProduct>& terms,
                         Index batch);

/// The products of signal and noise, and of the sums that inverses are of.
std::vector<ScaledProduct> all_products(const CovarianceTerms& terms);

}  // namespace kronwerk::models
