#include "models/covariance/spectral_values.hpp"

namespace kronwerk::models {

std::vector<GridTerm> real_terms(const std::vector<operators::SpectralTerm>& terms) {
  std::vector<GridTerm> result;
  for (const auto& term : terms) {
    GridTerm& values = result.emplace_back(GridTerm{term.coefficient, {}});
    for (const auto& list : term.eigenvalues) {
      std::vector<double>& reals = values.lists.emplace_back();
      for (const auto& value : list) reals.push_back(value.real());
    }
  }
  return result;
}

GridValues grid_values(const operators::SpectralSum& spectrum) {
  std::vector<GridReciprocal> reciprocals;
  for (const auto& reciprocal : spectrum.reciprocals) {
    reciprocals.push_back({reciprocal.coefficient, real_terms(reciprocal.terms)});
  }
  return {spectrum.extents(), real_terms(spectrum.terms), reciprocals};
}

GridValues spectral_values(const Covariance& covariance) {
  return grid_values(covariance.spectrum());
}

// Products come in the order of the terms, the noise last.
GridValues field_values(const Covariance& covariance) {
  operators::SpectralSum field = covariance.spectrum();
  const auto& noise = covariance.terms().noise;
  if (noise && noise->scale != 0) field.terms.pop_back();
  return grid_values(field);
}

GridValues noise_values(const Covariance& covariance) {
  const auto& noise = covariance.terms().noise;
  if (!noise || noise->scale == 0) return {covariance.extents(), {}};
  return {covariance.extents(), real_terms({covariance.spectrum().terms.back()})};
}

}  // namespace kronwerk::models
