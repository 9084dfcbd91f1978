#pragma once

#include <span>
#include <vector>

#include "kronwerk/models/posterior/chain.hpp"
#include "models/posterior/random_numbers.hpp"

namespace kronwerk::models {

/// The Euclidean metric of the momenta p ~ N(0, M): M⁻¹ is about the covariance of the target.
class Metric {
 public:
  /// The identity.
  Metric(MetricKind kind, std::size_t dimension);

  std::size_t dimension() const noexcept { return dimension_; }
  MetricKind kind() const noexcept { return kind_; }
  /// M⁻¹: n variances, or (n, n).
  const std::vector<double>& inverse() const noexcept { return inverse_; }
  /// @throws InternalError if it is not positive definite
  void set_inverse(std::vector<double> inverse);

  /// M⁻¹ p
  std::vector<double> velocity(std::span<const double> momentum) const;
  std::vector<double> draw_momentum(RandomNumbers& random) const;

 private:
  MetricKind kind_;
  std::size_t dimension_;
  std::vector<double> inverse_;
  std::vector<double> root_;  ///< L of M⁻¹ = L Lᵀ: its diagonal, or (n, n)
};

/// The covariance of draws in windows of the warm-up (Welford 1962), as Stan regularises it.
class CovarianceEstimate {
 public:
  CovarianceEstimate(MetricKind kind, std::size_t dimension);

  void add(std::span<const double> position);
  /// n/(n + 5) S + 1e-3 5/(n + 5) I of the n draws since the last restart().
  std::vector<double> regularised() const;
  void restart();

  template <typename Visitor>
  void visit(Visitor&& visitor) {
    visitor(count_);
    for (double& value : mean_) visitor(value);
    for (double& value : squares_) visitor(value);
  }

 private:
  MetricKind kind_;
  core::Index count_ = 0;
  std::vector<double> mean_;
  std::vector<double> squares_;  ///< of deviations: n, or (n, n)
};

}  // namespace kronwerk::models
