#include "kronwerk/models/flow/estimate_draws.hpp"

#include <cmath>

#include "kronwerk/core/error.hpp"
#include "kronwerk/operators/base/random.hpp"

namespace kronwerk::models {
namespace {

/// Of a pivot next to its diagonal entry, down to which rounding goes.
constexpr double rounding = 1e-12;

}  // namespace

EstimateDraws::EstimateDraws(std::span<const double> covariance)
    : n_(static_cast<std::size_t>(std::lround(std::sqrt(static_cast<double>(covariance.size()))))),
      factor_(n_ * n_, 0.0) {
  for (std::size_t j = 0; j < n_; ++j) {
    double pivot = covariance[j * n_ + j];
    for (std::size_t k = 0; k < j; ++k) pivot -= factor_[j * n_ + k] * factor_[j * n_ + k];
    if (pivot < -rounding * covariance[j * n_ + j] || !std::isfinite(pivot)) {
      throw core::DataError("the covariance of the estimates is not positive semidefinite");
    }
    if (pivot <= rounding * covariance[j * n_ + j]) continue;
    factor_[j * n_ + j] = std::sqrt(pivot);
    for (std::size_t i = j + 1; i < n_; ++i) {
      double value = covariance[i * n_ + j];
      for (std::size_t k = 0; k < j; ++k) value -= factor_[i * n_ + k] * factor_[j * n_ + k];
      factor_[i * n_ + j] = value / factor_[j * n_ + j];
    }
  }
}

void EstimateDraws::add(std::uint64_t seed, core::Index number, std::span<double> x) const {
  std::vector<double> z(n_);
  operators::fill_random(operators::RandomKind::normal, seed, number * static_cast<core::Index>(n_),
                         z);
  for (std::size_t i = 0; i < n_; ++i) {
    for (std::size_t k = 0; k <= i; ++k) x[i] += factor_[i * n_ + k] * z[k];
  }
}

}  // namespace kronwerk::models
