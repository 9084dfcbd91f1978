#pragma once

#include "models/graph/graph_hessian.hpp"

namespace kronwerk::models {

/// The penalised objective at a point with −log|⊕Ψ_k| replaced by its second-order expansion, whose
/// minimum is where Newton's method goes (Lee, Sun and Saunders 2014). It costs products with the
/// Hessian but no decomposition.
///
/// Minimised in rounds: conjugate gradients on the entries that are not zero or would not stay so,
/// each within the orthant of its sign, until some leave theirs; back along the way to where the
/// model is smaller, those that left at zero (Andrew and Gao 2007).
class GraphModel {
 public:
  /// The objective and the point must outlive this. Collective.
  GraphModel(const GraphObjective& objective, const GraphPoint& point);

  /// To this part of the KKT residual, or so many products with the Hessian. Returns their number.
  /// Collective.
  Index minimise(double relative, Index most_products);

  /// The factors at the minimum; exactly symmetric, exactly zero off the support.
  const BlockMatrices& factors() const { return factors_; }
  /// Of the objective from the point to there, by convexity; negative unless rounding is all that
  /// is left. Collective.
  double slope() const;

 private:
  void find_residual();
  bool conjugate_gradients();
  bool search();
  double leaving(double part) const;

  const GraphObjective* objective_;
  const GraphPoint* point_;
  GraphHessian hessian_;
  Index products_ = 0;
  double violation_ = 0;
  double value_ = 0;  ///< of the model, over N, less that at the point
  BlockMatrices factors_;
  BlockMatrices image_;     ///< H (factors − point)
  BlockMatrices residual_;  ///< minus the slope by the free entries
  BlockMatrices slope_;     ///< the same at the beginning of a round
  BlockMatrices signs_;     ///< of the orthants; zero where an entry is not free
  BlockMatrices direction_;
  BlockMatrices direction_image_;
  BlockMatrices way_;  ///< of a round
  BlockMatrices way_image_;
  BlockMatrices trial_;
};

}  // namespace kronwerk::models
