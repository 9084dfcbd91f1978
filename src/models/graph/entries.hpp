#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>

namespace kronwerk::models {

/// Σ term(i) for i < count, in four sums that do not wait for each other. Local.
template <typename Term>
double sum_of(std::size_t count, Term&& term) {
  std::array<double, 4> sums{};
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (std::size_t lane = 0; lane < 4; ++lane) sums[lane] += term(i + lane);
  }
  for (; i < count; ++i) sums[0] += term(i);
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/// The largest term likewise, at least zero.
template <typename Term>
double largest_of(std::size_t count, Term&& term) {
  std::array<double, 4> largest{};
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (std::size_t lane = 0; lane < 4; ++lane) {
      largest[lane] = std::max(largest[lane], term(i + lane));
    }
  }
  for (; i < count; ++i) largest[0] = std::max(largest[0], term(i));
  return *std::ranges::max_element(largest);
}

/// The value moved towards zero by the threshold, or zero.
inline double shrunk(double value, double threshold) {
  return value - std::min(std::max(value, -threshold), threshold);
}

/// ⟨x, y⟩
inline double inner_of(std::span<const double> x, std::span<const double> y) {
  return sum_of(x.size(), [&](std::size_t i) { return x[i] * y[i]; });
}

}  // namespace kronwerk::models
