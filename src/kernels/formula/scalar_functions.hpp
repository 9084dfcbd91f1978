#pragma once

#include <span>

#include "kronwerk/kernels/formula/node.hpp"

namespace kronwerk::kernels {

/// One elementwise operation of numbers, from its definition; of parts of formulas that do not vary
/// and of the rare arguments that the vector functions leave out. `number` is Node::number.
double scalar_value(Operation operation, std::span<const double> arguments, double number);

}  // namespace kronwerk::kernels
