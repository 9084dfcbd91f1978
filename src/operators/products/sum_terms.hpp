#pragma once

#include <memory>
#include <span>
#include <vector>

#include "kronwerk/distribution/sum_estimate.hpp"
#include "kronwerk/operators/products/product_sum.hpp"

namespace kronwerk::operators {

/// The terms of a sum by the distinct matrices of each mode.
struct SumTerms {
  distribution::SumShape shape;
  std::vector<std::vector<factors::Chain>> matrices;  ///< per mode, in the order of the shape's

  /// The chains of one leading (first_mode 0) or trailing part.
  std::vector<factors::Chain> chains(std::size_t first_mode, std::span<const int> part) const;
};

/// @throws ShapeError if there is no term or the terms differ in shape
void check_terms(std::span<const ScaledProduct> terms);

/// Chains are the same if their links are, identities apart. Terms of the same product are one.
SumTerms collect_terms(std::span<const ScaledProduct> terms);

}  // namespace kronwerk::operators
