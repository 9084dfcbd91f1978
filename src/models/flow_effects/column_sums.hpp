#pragma once

#include <span>
#include <vector>

#include "kronwerk/factors/base/chain.hpp"
#include "kronwerk/models/flow_effects/cell_weights.hpp"

namespace kronwerk::models {

/// Of X = A⁻¹ M, for every region r: X_rr, Σ_i Λ_ir X_ir (or Σ_i Λ_ri X_ir) and Σ_i s_i X_ir.
struct ColumnSums {
  std::vector<double> diagonal;
  std::vector<double> weighted;
  std::vector<double> all;
};

/// @param a     factorised; null for the identity
/// @param rows  whether Λ's rows are the weights, or its columns
/// @param all   s
/// Collective. @throws ConvergenceError where a solve is not accurate
ColumnSums sum_columns(const communication::Communicator& comm, const factors::Factor* a,
                       const factors::Chain& matrix, const CellWeights& weights, bool rows,
                       std::span<const double> all);

}  // namespace kronwerk::models
