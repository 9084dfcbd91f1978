#pragma once

#include "models/graph/graph_objective.hpp"

namespace kronwerk::models {

/// The second derivatives of −log|⊕Ψ_k| at a point, by the free entries of the factors: those that
/// are not zero, or would not stay so. Immutable.
///
/// In the eigenvectors of the factors, entry (i, j) of mode k meets only itself, by
/// C_k(i, j) = −(b_i − b_j) / (a_i − a_j), the mean of 1 / (s_i s_j); diagonals meet by PairSums.
class GraphHessian {
 public:
  /// The objective and the point must outlive this. Collective.
  GraphHessian(const GraphObjective& objective, const GraphPoint& point);

  /// Of the objective along its descent, by the free entries; zero elsewhere.
  const BlockMatrices& slope() const { return slope_; }
  /// d with H d = −slope by preconditioned conjugate gradients, to this part of the residual; zero
  /// where an entry is not free, symmetric. Returns the iterations. Collective.
  Index solve(double relative, BlockMatrices& d);

 private:
  void find_slope();
  void find_curvature();
  void find_preconditioner();
  void apply(const BlockMatrices& x, BlockMatrices& y);
  void precondition(const BlockMatrices& residual, BlockMatrices& scaled) const;

  const GraphObjective* objective_;
  const GraphPoint* point_;
  PairSums sums_;
  BlockMatrices slope_;
  BlockMatrices free_;       ///< one or zero
  BlockMatrices curvature_;  ///< C_k, on its diagonal c_k
  BlockMatrices inverse_;    ///< of the approximate diagonal, zero where not free
  BlockMatrices work_;
};

}  // namespace kronwerk::models
