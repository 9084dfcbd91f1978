#include "kronwerk/models/fit/estimate_covariance.hpp"

#include <cmath>

#include "models/fit/small_dense.hpp"

namespace kronwerk::models {

std::optional<std::vector<double>> estimate_covariance(std::span<const double> information,
                                                       std::span<const char> fixed) {
  const std::size_t n = fixed.size();
  std::vector<std::size_t> free;
  for (std::size_t i = 0; i < n; ++i) {
    if (fixed[i] == 0) free.push_back(i);
  }
  const std::size_t m = free.size();
  std::vector<double> part(m * m);
  for (std::size_t a = 0; a < m; ++a) {
    for (std::size_t b = 0; b < m; ++b) part[a * m + b] = information[free[a] * n + free[b]];
  }
  const SmallCholesky factor(part, m, 1e-14);
  if (factor.dependent()) return std::nullopt;
  const auto inverse = factor.inverse();
  std::vector<double> result(n * n, 0.0);
  for (std::size_t a = 0; a < m; ++a) {
    for (std::size_t b = 0; b < m; ++b) result[free[a] * n + free[b]] = inverse[a * m + b];
  }
  return result;
}

std::vector<double> sandwich(std::span<const double> covariance, std::span<const double> products) {
  const auto n = static_cast<std::size_t>(std::lround(std::sqrt(covariance.size())));
  const auto product = [n](std::span<const double> a, std::span<const double> b) {
    std::vector<double> c(n * n, 0.0);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t k = 0; k < n; ++k) {
        for (std::size_t j = 0; j < n; ++j) c[i * n + j] += a[i * n + k] * b[k * n + j];
      }
    }
    return c;
  };
  return product(product(covariance, products), covariance);
}

}  // namespace kronwerk::models
