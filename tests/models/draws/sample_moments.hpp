#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "support/dense_oracle.hpp"

namespace kronwerk::models {

/// Sums of draws about a known mean, and what they must be within five standard errors.
class SampleMoments {
 public:
  explicit SampleMoments(std::vector<double> mean)
      : mean_(std::move(mean)), sums_(mean_.size()), products_(mean_.size() * mean_.size()) {}

  /// @param draws  one after the other
  void add(const std::vector<double>& draws) {
    const std::size_t n = mean_.size();
    for (std::size_t first = 0; first < draws.size(); first += n, ++count_) {
      for (std::size_t i = 0; i < n; ++i) {
        const double x = draws[first + i] - mean_[i];
        sums_[i] += x;
        for (std::size_t j = 0; j <= i; ++j) {
          products_[i * n + j] += x * (draws[first + j] - mean_[j]);
        }
      }
    }
  }

  /// Of a Gaussian: var x̄_i = K_ii / n, var of the mean of x_i x_j = (K_ii K_jj + K_ij²) / n.
  void expect(const oracle::Matrix& covariance) const {
    const std::size_t n = mean_.size();
    const auto entry = [&](std::size_t i, std::size_t j) {
      return covariance(static_cast<std::int64_t>(i), static_cast<std::int64_t>(j));
    };
    for (std::size_t i = 0; i < n; ++i) {
      EXPECT_LE(std::abs(sums_[i] / count_), 5 * std::sqrt(entry(i, i) / count_) + 1e-12);
      for (std::size_t j = 0; j <= i; ++j) {
        const double error =
            std::sqrt((entry(i, i) * entry(j, j) + entry(i, j) * entry(i, j)) / count_);
        EXPECT_LE(std::abs(products_[i * n + j] / count_ - entry(i, j)), 5 * error + 1e-12)
            << "entry (" << i << ", " << j << ")";
      }
    }
  }

 private:
  std::vector<double> mean_;
  std::vector<double> sums_;
  std::vector<double> products_;
  double count_ = 0;
};

}  // namespace kronwerk::models
