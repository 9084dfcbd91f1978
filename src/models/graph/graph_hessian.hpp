#pragma once

#include "models/graph/graph_objective.hpp"

namespace kronwerk::models {

/// The second derivatives of −log|⊕Ψ_k| at a point, over N; by Ψ_k(i, j) as multiples of 1/n_k.
///
/// In the eigenvectors of the factors, entry (i, j) of mode k meets only itself, by
/// C_k(i, j) = −(b_i − b_j) / (a_i − a_j), the mean of 1 / (s_i s_j); diagonals meet by PairSums.
class GraphHessian {
 public:
  /// The objective and the point must outlive this. Collective.
  GraphHessian(const GraphObjective& objective, const GraphPoint& point);

  /// Y = H X, exactly symmetric. Collective; 8 n³ flops for each block.
  void apply(const BlockMatrices& x, BlockMatrices& y);
  /// Its diagonal, without the parts of (i, j) that come by way of (j, i).
  const BlockMatrices& diagonal() const { return diagonal_; }

 private:
  void find_curvature();
  void find_diagonal();

  const GraphObjective* objective_;
  const GraphPoint* point_;
  PairSums sums_;
  BlockMatrices curvature_;  ///< C_k, on its diagonal c_k
  BlockMatrices diagonal_;
  BlockMatrices work_;
};

}  // namespace kronwerk::models
