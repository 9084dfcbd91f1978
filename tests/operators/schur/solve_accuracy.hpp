#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "support/dense_oracle.hpp"

namespace kronwerk::operators {

inline double largest(const std::vector<double>& values) {
  double result = 0;
  for (const double value : values) result = std::max(result, std::abs(value));
  return result;
}

inline double largest_row_sum(const oracle::Matrix& a) {
  double result = 0;
  for (std::int64_t i = 0; i < a.rows; ++i) {
    double sum = 0;
    for (std::int64_t j = 0; j < a.cols; ++j) sum += std::abs(a(i, j));
    result = std::max(result, sum);
  }
  return result;
}

/// ‖b - A x‖ <= factor · ε (‖A‖‖x‖ + ‖b‖) and, by the condition, the distance to the dense
/// solution; in the maximum norm, the residual in higher precision.
inline void expect_solved(const oracle::Matrix& a, const std::vector<double>& x,
                          const std::vector<double>& b, double factor = 50) {
  ASSERT_EQ(x.size(), b.size());
  std::vector<double> residual(b.size());
  for (std::int64_t i = 0; i < a.rows; ++i) {
    long double sum = b[static_cast<std::size_t>(i)];
    for (std::int64_t j = 0; j < a.cols; ++j) {
      sum -= static_cast<long double>(a(i, j)) * x[static_cast<std::size_t>(j)];
    }
    residual[static_cast<std::size_t>(i)] = static_cast<double>(sum);
  }
  const double epsilon = std::numeric_limits<double>::epsilon();
  const double norm = largest_row_sum(a);
  EXPECT_LE(largest(residual), factor * epsilon * (norm * largest(x) + largest(b)));
  const oracle::Matrix inverse = oracle::inverse(a);
  const auto expected = oracle::multiply(inverse, b);
  std::vector<double> difference(x);
  for (std::size_t i = 0; i < x.size(); ++i) difference[i] -= expected[i];
  const double condition = norm * largest_row_sum(inverse);
  EXPECT_LE(largest(difference), factor * epsilon * condition * largest(expected));
}

}  // namespace kronwerk::operators
