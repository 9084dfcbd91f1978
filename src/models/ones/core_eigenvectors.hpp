#pragma once

#include <vector>

#include "kronwerk/factors/base/factor.hpp"

namespace kronwerk::models {

/// Eigenvalues of a symmetric positive semi-definite matrix, without what rounding has made
/// negative, and its eigenvectors (n x n, row-major, once per node).
struct CoreEigenvectors {
  std::vector<double> values;
  factors::FactorPtr vectors;
};

/// Collective. @throws DataError if the decomposition fails
CoreEigenvectors core_eigenvectors(const communication::Communicator& comm,
                                   const factors::FactorPtr& matrix);

}  // namespace kronwerk::models
