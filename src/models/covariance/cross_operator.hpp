#pragma once

#include <span>

#include "kronwerk/models/covariance/covariance.hpp"

namespace kronwerk::models {

/// The home layout of one field over new points, split after the same mode as the grid. Local.
Layout layout_of_points(const Covariance& covariance, std::span<const ScaledProduct> cross);

/// Σ scale ⊗ C_k from Covariance::layout(batch) to as many fields over the new points, which are
/// the grid's where the covariance has inverses of sums: those are added. Collective.
/// @throws ShapeError if it does not fit the grid
OperatorPtr cross_operator(const Covariance& covariance, std::span<const ScaledProduct> cross,
                           Index batch);

}  // namespace kronwerk::models
