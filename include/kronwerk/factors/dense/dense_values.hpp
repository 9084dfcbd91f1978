#pragma once

#include <span>

#include "kronwerk/factors/base/factor.hpp"

namespace kronwerk::factors {

/// The values of a dense factor, row-major, as they lie in the node's memory; empty for every other
/// kind. Local; valid as long as the factor.
std::span<const double> dense_values(const Factor& factor);

}  // namespace kronwerk::factors
