#include "application/gaussian/field_at_new_points.hpp"

namespace kronwerk::application {
namespace {

models::PredictionGrid prediction_grid(Likelihood& likelihood,
                                       const GaussianModel::NewPoints& points,
                                       const std::vector<GaussianModel::CrossFactors>& terms) {
  models::PredictionGrid grid;
  const auto& kept = likelihood.observations().extents();
  for (const auto& factors : terms) {
    auto& modes = grid.terms.emplace_back();
    for (std::size_t k = 0; k < points.extents.size(); ++k) {
      auto& mode = modes.emplace_back();
      // Slices without observations are new points too.
      if (!points.new_mode[k] && kept[k] == points.extents[k]) continue;
      mode.cross = likelihood.slices().restrict_columns(k, factors.new_by_old[k]);
      mode.prior = factors.new_by_new[k];
    }
  }
  return grid;
}

/// The cross-covariance of the new points with the observed grid, Σ scale ⊗ C_k.
std::vector<operators::ScaledProduct> make_cross_terms(
    Likelihood& likelihood, const models::Covariance& covariance,
    const std::vector<GaussianModel::CrossFactors>& terms) {
  std::vector<operators::ScaledProduct> cross;
  for (std::size_t t = 0; t < terms.size(); ++t) {
    auto& product = cross.emplace_back();
    product.scale = covariance.terms().signal[t].scale;
    for (std::size_t k = 0; k < terms[t].new_by_old.size(); ++k) {
      product.chains.push_back(likelihood.slices().restrict_columns(k, terms[t].new_by_old[k]));
    }
  }
  return cross;
}

}  // namespace

FieldAtNewPoints::FieldAtNewPoints(GaussianContext& context, Likelihood& likelihood)
    : points(context.model.inspect_new_points()),
      covariance(likelihood.covariance(context.parameters)),
      factors(context.model.cross_factors(context.parameters, points)),
      cross_terms(make_cross_terms(likelihood, covariance, factors)),
      prediction(covariance, prediction_grid(likelihood, points, factors)),
      columns(likelihood.mean(context.parameters)),
      columns_at_new(context.model.mean_at(context.parameters, points)) {}

}  // namespace kronwerk::application
