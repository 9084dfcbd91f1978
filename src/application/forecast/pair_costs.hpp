#pragma once

#include "kronwerk/kernels/formula/expression.hpp"

namespace kronwerk::application {

/// exp(-sqdist(x, y)) in the plane, of which `kronwerk measure` takes the time.
kernels::Expression reference_formula();

/// What a pair of `formula` costs, by the instructions it is made of, compared with one of
/// reference_formula(). Local.
double relative_cost(const kernels::Expression& formula);

}  // namespace kronwerk::application
