#pragma once

#include <string>
#include <vector>

namespace kronwerk::models {

/// Where a filter Σ_t c_t O_t ⊗ D_t is certainly regular with a positive determinant:
/// Σ_t rows[r][t] c_t > 0 for every r. Without rows nothing is known of it.
struct FeasibleRegion {
  std::vector<std::vector<double>> rows;
  /// Of each row, for messages: "the eigenvalues -0.5 of W and 1 of W".
  std::vector<std::string> names;
};

}  // namespace kronwerk::models
