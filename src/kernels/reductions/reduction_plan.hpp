#pragma once

#include <vector>

#include "kernels/engine/compile.hpp"
#include "kronwerk/kernels/reductions/reduction.hpp"

namespace kronwerk::kernels {

/// The sinks that serve several reductions of one formula together, each needed once.
struct ReductionPlan {
  int dimension = 1;  ///< of the formula
  Compiled compiled;
  std::vector<std::vector<std::size_t>> sinks;  ///< of request and component
  std::vector<Index> list_lengths;              ///< of every sink; 0 if it is no selection
  std::vector<char> counts_nan;                 ///< of every sink: it is the one that does
};

/// @throws ShapeError if a weight does not go with the formula
ReductionPlan plan_reductions(const Expression& formula, const Constants& constants,
                              Precision precision, const std::vector<ReductionRequest>& requests);

}  // namespace kronwerk::kernels
