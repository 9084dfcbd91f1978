#pragma once

#include "support/dense_oracle.hpp"

namespace kronwerk::oracle {

/// Elimination of this matrix by rows grows its last row by 1.9 in every step, in spite of pivots
/// (Wilkinson 1961), so that an LU decomposition loses its digits though the condition is moderate.
inline Matrix growing_matrix(std::int64_t n) {
  Matrix result(n, n);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < i; ++j) result(j, i) = -0.9;
    result(i, i) = result(n - 1, i) = 1;
  }
  return result;
}

}  // namespace kronwerk::oracle
