#pragma once

#include <memory>
#include <vector>

#include "kronwerk/operators/base/linear_operator.hpp"

namespace kronwerk::models {

/// P A P + (1 − P) with P the projection on the cells whose mask is not 0: A there, the identity
/// elsewhere. Keeps two vectors once applied. Local.
/// @param mask  this rank's home block of the operator's layout
operators::OperatorPtr make_masked(operators::OperatorPtr op,
                                   std::shared_ptr<const std::vector<char>> mask);

/// values := 0 where the mask is not `kept`. Local.
void keep_only(bool kept, const std::vector<char>& mask, std::span<double> values);

}  // namespace kronwerk::models
