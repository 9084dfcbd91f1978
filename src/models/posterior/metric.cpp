#include "models/posterior/metric.hpp"

#include <algorithm>
#include <cmath>

#include "kronwerk/core/error.hpp"
#include "models/fit/small_dense.hpp"

namespace kronwerk::models {
Metric::Metric(MetricKind kind, std::size_t dimension) : kind_(kind), dimension_(dimension) {
  std::vector<double> identity(kind == MetricKind::diagonal ? dimension : dimension * dimension);
  const std::size_t stride = kind == MetricKind::diagonal ? 1 : dimension + 1;
  for (std::size_t i = 0; i < dimension; ++i) identity[i * stride] = 1;
  set_inverse(std::move(identity));
}

void Metric::set_inverse(std::vector<double> inverse) {
  inverse_ = std::move(inverse);
  if (kind_ == MetricKind::dense) {
    auto root = cholesky_root(inverse_, dimension_);
    if (!root) throw core::InternalError("the metric of a sampler is not positive definite");
    root_ = std::move(*root);
    return;
  }
  root_ = inverse_;
  for (double& value : root_) {
    if (!(value > 0)) throw core::InternalError("a variance of a sampler's metric is not positive");
    value = std::sqrt(value);
  }
}

std::vector<double> Metric::velocity(std::span<const double> momentum) const {
  std::vector<double> result(dimension_);
  for (std::size_t i = 0; i < dimension_; ++i) {
    if (kind_ == MetricKind::diagonal) {
      result[i] = inverse_[i] * momentum[i];
      continue;
    }
    for (std::size_t j = 0; j < dimension_; ++j) {
      result[i] += inverse_[i * dimension_ + j] * momentum[j];
    }
  }
  return result;
}

std::vector<double> Metric::draw_momentum(RandomNumbers& random) const {
  std::vector<double> momentum(dimension_);
  random.normal(momentum);
  if (kind_ == MetricKind::diagonal) {
    for (std::size_t i = 0; i < dimension_; ++i) momentum[i] /= root_[i];
    return momentum;
  }
  solve_root_transposed(root_, momentum);
  return momentum;
}

CovarianceEstimate::CovarianceEstimate(MetricKind kind, std::size_t dimension)
    : kind_(kind),
      mean_(dimension, 0.0),
      squares_(kind == MetricKind::diagonal ? dimension : dimension * dimension, 0.0) {}

void CovarianceEstimate::add(std::span<const double> position) {
  const std::size_t n = mean_.size();
  ++count_;
  std::vector<double> before(n);
  for (std::size_t i = 0; i < n; ++i) {
    before[i] = position[i] - mean_[i];
    mean_[i] += before[i] / static_cast<double>(count_);
  }
  for (std::size_t i = 0; i < n; ++i) {
    const double after = position[i] - mean_[i];
    if (kind_ == MetricKind::diagonal) {
      squares_[i] += after * before[i];
      continue;
    }
    // after is a multiple of before, so that this is symmetric up to rounding.
    for (std::size_t j = 0; j < n; ++j) squares_[i * n + j] += after * before[j];
  }
}

std::vector<double> CovarianceEstimate::regularised() const {
  constexpr double prior_draws = 5;
  constexpr double prior_variance = 1e-3;
  const auto count = static_cast<double>(count_);
  const double weight = count / (count + prior_draws) / std::max(1.0, count - 1);
  std::vector<double> result(squares_);
  for (double& value : result) value *= weight;
  const std::size_t stride = kind_ == MetricKind::diagonal ? 1 : mean_.size() + 1;
  for (std::size_t i = 0; i < mean_.size(); ++i) {
    result[i * stride] += prior_variance * prior_draws / (count + prior_draws);
  }
  return result;
}

void CovarianceEstimate::restart() {
  count_ = 0;
  std::ranges::fill(mean_, 0.0);
  std::ranges::fill(squares_, 0.0);
}

}  // namespace kronwerk::models
