#pragma once

// Gaussian formulas by their definitions, with dense matrices: the oracle of the models.

#include <cmath>
#include <numbers>
#include <vector>

#include "support/dense_oracle.hpp"

namespace kronwerk::oracle {

inline double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

inline std::vector<double> minus(std::vector<double> a, std::span<const double> b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] -= b[i];
  return a;
}

/// log N(y; m, K)
inline double log_density(const Matrix& covariance, std::span<const double> residual) {
  const auto solution = solve(covariance, residual);
  return -0.5 * (dot(residual, solution) + log_abs_det(covariance) +
                 static_cast<double>(residual.size()) * std::log(2 * std::numbers::pi));
}

/// ½ αᵀ(∂K)α − ½ tr(K⁻¹∂K)
inline double log_density_derivative(const Matrix& covariance, const Matrix& derivative,
                                     std::span<const double> residual) {
  const auto solution = solve(covariance, residual);
  const auto ratio = solve(covariance, derivative);
  double trace = 0;
  for (std::int64_t i = 0; i < ratio.rows; ++i) trace += ratio(i, i);
  return 0.5 * dot(solution, multiply(derivative, solution)) - 0.5 * trace;
}

/// Mean and covariance of new values given noisy ones.
struct Posterior {
  std::vector<double> mean;
  Matrix covariance;
};
inline Posterior posterior(const Matrix& covariance, const Matrix& cross, const Matrix& prior,
                           std::span<const double> residual) {
  return {multiply(cross, solve(covariance, residual)),
          add(1, prior, -1, multiply(cross, solve(covariance, transpose(cross))))};
}

/// Generalised least squares: coefficients and their covariance. `columns` is N x p.
struct LeastSquares {
  std::vector<double> coefficients;
  Matrix covariance;
};
inline LeastSquares least_squares(const Matrix& covariance, const Matrix& columns,
                                  std::span<const double> y) {
  const Matrix weighted = solve(covariance, columns);
  const Matrix normal = multiply(transpose(columns), weighted);
  LeastSquares result{{}, inverse(normal)};
  result.coefficients = multiply(result.covariance, multiply(transpose(weighted), y));
  return result;
}

}  // namespace kronwerk::oracle
