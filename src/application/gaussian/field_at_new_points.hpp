#pragma once

#include <vector>

#include "application/gaussian/likelihood.hpp"
#include "kronwerk/models/draws/prediction.hpp"

namespace kronwerk::application {

/// A job's field at its new points, and how it varies with the observed one.
struct FieldAtNewPoints {
  /// At the parameters of the context. Collective.
  /// @param likelihood  must outlive this
  FieldAtNewPoints(GaussianContext& context, Likelihood& likelihood);
  /// @param slices       of the observed grid; must outlive this
  /// @param of_observed  the covariance there;  @param columns  of the mean there
  FieldAtNewPoints(GaussianContext& context, KeptSlices& slices, models::Covariance of_observed,
                   std::vector<models::MeanColumn> columns);
  FieldAtNewPoints(const FieldAtNewPoints&) = delete;
  FieldAtNewPoints& operator=(const FieldAtNewPoints&) = delete;

  const Extents& extents() const noexcept { return points.extents; }
  Index size() const { return core::product(points.extents); }

  GaussianModel::NewPoints points;
  models::Covariance covariance;  ///< of the observations
  std::vector<GaussianModel::CrossFactors> factors;
  /// The cross-covariance of the new points with the observed grid, Σ scale ⊗ C_k.
  std::vector<operators::ScaledProduct> cross_terms;
  models::Prediction prediction;
  std::vector<models::MeanColumn> columns;  ///< of the mean, over the observed grid
  std::vector<models::MeanColumn> columns_at_new;
};

}  // namespace kronwerk::application
