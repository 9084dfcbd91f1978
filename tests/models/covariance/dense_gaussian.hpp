#pragma once

// Gaussian formulas by their definitions, with dense matrices: the oracle of the models.

#include <cmath>
#include <numbers>
#include <vector>

#include "support/dense_oracle.hpp"

namespace kronwerk::oracle {

/// Second differences along a line, n x n and singular, a little uneven.
inline Matrix laplacian(std::int64_t n) {
  Matrix result(n, n);
  for (std::int64_t i = 0; i + 1 < n; ++i) {
    const double weight = 1 + 0.1 * static_cast<double>(i);
    result(i, i) += weight;
    result(i + 1, i + 1) += weight;
    result(i, i + 1) = result(i + 1, i) = -weight;
  }
  return result;
}

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

/// What one observation contributes to a regression with Gaussian errors: the covariance of the
/// cells that it has, the columns there, and what was observed.
struct Regression {
  Matrix covariance;
  Matrix columns;
  std::vector<double> y;
};

/// Several observations as one: independent errors, the same coefficients.
inline Regression stacked(const std::vector<Regression>& parts) {
  std::int64_t size = 0;
  for (const Regression& part : parts) size += part.columns.rows;
  const std::int64_t p = parts.front().columns.cols;
  Regression whole{Matrix(size, size), Matrix(size, p), {}};
  std::int64_t first = 0;
  for (const Regression& part : parts) {
    for (std::int64_t i = 0; i < part.columns.rows; ++i) {
      for (std::int64_t j = 0; j < part.columns.rows; ++j) {
        whole.covariance(first + i, first + j) = part.covariance(i, j);
      }
      for (std::int64_t c = 0; c < p; ++c) whole.columns(first + i, c) = part.columns(i, c);
    }
    whole.y.insert(whole.y.end(), part.y.begin(), part.y.end());
    first += part.columns.rows;
  }
  return whole;
}

/// Universal kriging by its one system (Matheron 1969): the best linear unbiased predictor has the
/// weights S⁻¹(Cᵀ; X*ᵀ) with S = (K X; Xᵀ 0), and its errors the covariance
/// P − (C X*) S⁻¹ (Cᵀ; X*ᵀ).
/// @param cross  new points by data
inline Posterior universal_kriging(const Regression& data, const Matrix& cross, const Matrix& prior,
                                   const Matrix& columns_at_new) {
  const std::int64_t n = data.columns.rows, p = data.columns.cols;
  Matrix system(n + p, n + p), sides(cross.rows, n + p);
  std::vector<double> y = data.y;
  y.resize(static_cast<std::size_t>(n + p), 0.0);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) system(i, j) = data.covariance(i, j);
    for (std::int64_t c = 0; c < p; ++c) system(i, n + c) = system(n + c, i) = data.columns(i, c);
  }
  for (std::int64_t i = 0; i < cross.rows; ++i) {
    for (std::int64_t j = 0; j < n; ++j) sides(i, j) = cross(i, j);
    for (std::int64_t c = 0; c < p; ++c) sides(i, n + c) = columns_at_new(i, c);
  }
  return {multiply(sides, solve(system, y)),
          add(1, prior, -1, multiply(sides, solve(system, transpose(sides))))};
}

}  // namespace kronwerk::oracle
