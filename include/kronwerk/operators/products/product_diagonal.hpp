#pragma once

#include <vector>

#include "kronwerk/operators/base/linear_operator.hpp"

namespace kronwerk::operators {

/// diag(d_1 ⊗ … ⊗ d_K) without storing its N values: applied in the home layout, without
/// communication. Collective.
/// @param diagonals  one per mode of the layout, of its extent; empty for a mode of ones
/// @throws ShapeError if the lengths differ from the extents
OperatorPtr make_product_diagonal(const communication::Communicator& comm,
                                  const distribution::Layout& layout,
                                  const std::vector<std::vector<double>>& diagonals);

}  // namespace kronwerk::operators
