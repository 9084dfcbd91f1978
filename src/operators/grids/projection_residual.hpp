#pragma once

#include "kronwerk/operators/grids/projection.hpp"

namespace kronwerk::operators {

/// @throws ShapeError if there is no mode or one without points
void check_grid(const Extents& extents);

/// Fills in norm, residual and explained from ‖M‖², ‖M - μI‖² and ‖M - ⊕A‖².
void set_residual(KroneckerSumFit& fit, double squares, double about_mean, double missed);

}  // namespace kronwerk::operators
