#include "application/gaussian/field_at_new_points.hpp"

namespace kronwerk::application {
namespace {

models::PredictionGrid prediction_grid(KeptSlices& slices, const core::Extents& kept,
                                       const GaussianModel::NewPoints& points,
                                       const std::vector<GaussianModel::CrossFactors>& terms) {
  models::PredictionGrid grid;
  for (const auto& factors : terms) {
    auto& modes = grid.terms.emplace_back();
    for (std::size_t k = 0; k < points.extents.size(); ++k) {
      auto& mode = modes.emplace_back();
      // Slices without observations are new points too.
      if (!points.new_mode[k] && kept[k] == points.extents[k]) continue;
      mode.cross = slices.restrict_columns(k, factors.new_by_old[k]);
      mode.prior = factors.new_by_new[k];
    }
  }
  return grid;
}

/// The cross-covariance of the new points with the observed grid, Σ scale ⊗ C_k.
std::vector<operators::ScaledProduct> make_cross_terms(
    KeptSlices& slices, const models::Covariance& covariance,
    const std::vector<GaussianModel::CrossFactors>& terms) {
  std::vector<operators::ScaledProduct> cross;
  for (std::size_t t = 0; t < terms.size(); ++t) {
    auto& product = cross.emplace_back();
    product.scale = covariance.terms().signal[t].scale;
    for (std::size_t k = 0; k < terms[t].new_by_old.size(); ++k) {
      product.chains.push_back(slices.restrict_columns(k, terms[t].new_by_old[k]));
    }
  }
  return cross;
}

}  // namespace

FieldAtNewPoints::FieldAtNewPoints(GaussianContext& context, Likelihood& likelihood)
    : FieldAtNewPoints(context, likelihood.slices(), likelihood.covariance(context.parameters),
                       likelihood.mean(context.parameters)) {}

FieldAtNewPoints::FieldAtNewPoints(GaussianContext& context, KeptSlices& slices,
                                   models::Covariance of_observed,
                                   std::vector<models::MeanColumn> mean_columns)
    : points(context.model.inspect_new_points()),
      covariance(std::move(of_observed)),
      factors(context.model.cross_factors(context.parameters, points)),
      cross_terms(make_cross_terms(slices, covariance, factors)),
      prediction(covariance, prediction_grid(slices, covariance.extents(), points, factors)),
      columns(std::move(mean_columns)),
      columns_at_new(context.model.mean_at(context.parameters, points)) {}

}  // namespace kronwerk::application
