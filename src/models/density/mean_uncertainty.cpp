#include "kronwerk/models/density/mean_uncertainty.hpp"

#include <algorithm>

#include "factors/base/lapack.hpp"
#include "kronwerk/operators/base/random.hpp"
#include "models/density/mean.hpp"

namespace kronwerk::models {
namespace {

// The sequence of the coefficients, beside those of the field and of the noise.
constexpr std::uint64_t coefficient_stream = 0x62657461;

}  // namespace

MeanUncertainty::MeanUncertainty(const Covariance& covariance, const Prediction& prediction,
                                 const std::vector<MeanColumn>& columns,
                                 const std::vector<MeanColumn>& at_new, MissingCells* cells) {
  const int rank = covariance.comm().rank();
  const Layout data = covariance.layout();
  const Layout points = prediction.layout();
  const std::vector<double> one{1};
  for (const std::size_t c : estimated_columns(columns)) {
    std::vector<double> column(static_cast<std::size_t>(data.home_size(rank)), 0.0);
    add_mean(covariance.extents(), {columns[c]}, one, data.home_begin(rank), column);
    if (cells != nullptr) require_converged(cells->complete(1, column), covariance.extents());
    std::vector<double> weights(column.size());
    covariance.to_basis()->apply(column, weights);
    covariance.divide(1, weights);
    for (double& weight : weights) weight = -weight;
    auto& residual = residuals_.emplace_back(static_cast<std::size_t>(points.home_size(rank)), 0.0);
    prediction.add_mean(1, weights, residual);
    add_mean(prediction.extents(), {at_new[c]}, one, points.home_begin(rank), residual);
  }
}

void add_variance_of_mean(std::span<const std::vector<double>> residuals,
                          std::span<const double> covariance_of_mean, std::span<double> variance) {
  const std::size_t p = residuals.size();
  for (std::size_t a = 0; a < p; ++a) {
    for (std::size_t b = 0; b < p; ++b) {
      const double weight = covariance_of_mean[a * p + b];
      const auto& left = residuals[a];
      const auto& right = residuals[b];
      for (std::size_t i = 0; i < variance.size(); ++i) {
        variance[i] += weight * left[i] * right[i];
      }
    }
  }
}

std::vector<double> draw_coefficients(std::span<const double> covariance, std::size_t size,
                                      std::uint64_t seed, Index number) {
  std::vector<double> root(covariance.begin(), covariance.end());
  const int order = core::narrow<int>(size);
  int info = 0;
  if (size > 0) dpotrf_("U", &order, root.data(), &order, &info, 1);
  if (info != 0) {
    throw core::DataError("the covariance of the mean's coefficients is not positive definite");
  }
  std::vector<double> normal(size), result(size, 0.0);
  operators::fill_random(operators::RandomKind::normal, seed, coefficient_stream,
                         number * static_cast<Index>(size), normal);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j <= i; ++j) result[i] += root[i * size + j] * normal[j];
  }
  return result;
}

}  // namespace kronwerk::models
