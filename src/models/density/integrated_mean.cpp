// Declared in models/density/mean.hpp and kronwerk/models/density/mean.hpp.
// Coefficients that are integrated out: see src/MATHEMATICS.md, "Posteriors".
#include <cmath>
#include <numbers>

#include "models/density/mean.hpp"
#include "models/fit/small_dense.hpp"

namespace kronwerk::models {
namespace {

/// L of C = L Lᵀ.
std::vector<double> root_of(std::span<const double> covariance, std::size_t p) {
  auto root = cholesky_root(covariance, p);
  if (!root) throw core::DataError("the covariance of the coefficients is singular");
  return std::move(*root);
}

}  // namespace

double log_integral(const MeanEstimate& estimate) {
  const std::size_t p = estimate.estimated;
  double sum = 0;
  for (std::size_t first = 0; first < estimate.covariance.size(); first += p * p) {
    const auto root = root_of(std::span(estimate.covariance).subspan(first, p * p), p);
    for (std::size_t j = 0; j < p; ++j) {
      sum += std::log(root[j * p + j]) + 0.5 * std::log(2 * std::numbers::pi);
    }
  }
  return sum;
}

NormalEquations normal_prior(double mean, double sd, std::size_t p) {
  const double precision = 1 / (sd * sd);
  NormalEquations result{1, std::vector<double>(p * p), std::vector<double>(p, mean * precision),
                         direct_accuracy};
  for (std::size_t j = 0; j < p; ++j) result.gram[j * p + j] = precision;
  return result;
}

std::vector<double> root_fields(const std::vector<MeanColumn>& columns,
                                const MeanEstimate& estimate) {
  const auto estimated = estimated_columns(columns);
  const std::size_t p = estimated.size();
  const auto root = root_of(estimate.covariance_of(0), p);
  std::vector<double> rows(p * columns.size(), 0.0);
  for (std::size_t j = 0; j < p; ++j) {
    for (std::size_t c = j; c < p; ++c) rows[j * columns.size() + estimated[c]] = root[c * p + j];
  }
  return rows;
}

}  // namespace kronwerk::models
