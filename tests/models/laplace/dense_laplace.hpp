#pragma once

// Laplace's method by its definitions, with dense matrices: the oracle. Shares nothing with the
// library.

#include <cmath>
#include <functional>
#include <numbers>
#include <vector>

#include "models/covariance/dense_gaussian.hpp"
#include "support/dense_oracle.hpp"

namespace kronwerk::oracle {

/// log p(y | f) of one cell with its first and second derivative by f.
struct Cell {
  double value, first, second;
};
using Likelihood = std::function<Cell(std::size_t cell, double f)>;

struct Laplace {
  std::vector<double> field;  ///< of the observed cells
  std::vector<double> beta;
  double density = 0;
};

/// @param covariance  of the observed cells;  @param columns  their X, with a flat prior
/// @param start       K⁻¹ of the field where Newton's method starts; empty for zeros
inline Laplace laplace(const Matrix& covariance, const Matrix& columns,
                       std::span<const double> offset, const Likelihood& likelihood,
                       std::vector<double> start = {}, std::vector<double> start_beta = {}) {
  const std::int64_t n = covariance.rows, p = columns.cols;
  Laplace result;
  result.beta.assign(static_cast<std::size_t>(p), 0.0);
  std::vector<double> a = std::move(start);
  a.resize(static_cast<std::size_t>(n), 0.0);
  if (!start_beta.empty()) result.beta = std::move(start_beta);
  const auto field_of = [&](std::span<const double> duals, std::span<const double> beta) {
    auto f = multiply(covariance, duals);
    for (std::int64_t i = 0; i < n; ++i) {
      const auto at = static_cast<std::size_t>(i);
      f[at] += offset[at];
      for (std::int64_t j = 0; j < p; ++j)
        f[at] += columns(i, j) * beta[static_cast<std::size_t>(j)];
    }
    return f;
  };
  const auto objective = [&](std::span<const double> duals, std::span<const double> beta) {
    const auto f = field_of(duals, beta);
    double sum = -0.5 * dot(duals, multiply(covariance, duals));
    for (std::size_t i = 0; i < f.size(); ++i) sum += likelihood(i, f[i]).value;
    return sum;
  };
  Matrix system(n + p, n + p);
  std::vector<double> weights(static_cast<std::size_t>(n));
  for (int step = 0; step < 200; ++step) {
    // (K W + I) with the columns: unknowns are the new f − offset − Xβ = K a and β.
    const auto f = field_of(a, result.beta);
    std::vector<double> right(static_cast<std::size_t>(n + p), 0.0);
    for (std::int64_t i = 0; i < n; ++i) {
      const Cell cell = likelihood(static_cast<std::size_t>(i), f[static_cast<std::size_t>(i)]);
      weights[static_cast<std::size_t>(i)] = -cell.second;
      // a' = ∇ − W (f' − f), f' = offset + Xβ' + K a'
      for (std::int64_t j = 0; j < n; ++j) {
        system(i, j) = (i == j ? 1.0 : 0.0) - cell.second * covariance(i, j);
      }
      for (std::int64_t j = 0; j < p; ++j) {
        system(i, n + j) = -cell.second * columns(i, j);
        system(n + j, i) = columns(i, j);
      }
      right[static_cast<std::size_t>(i)] =
          cell.first -
          cell.second * (f[static_cast<std::size_t>(i)] - offset[static_cast<std::size_t>(i)]);
    }
    const auto found = solve(system, right);
    const double before = objective(a, result.beta);
    double change = 0;
    for (double size = 1; size > 1e-9; size /= 2) {
      auto tried = a;
      auto beta = result.beta;
      for (std::size_t i = 0; i < a.size(); ++i) tried[i] += size * (found[i] - a[i]);
      for (std::size_t j = 0; j < beta.size(); ++j) {
        beta[j] += size * (found[a.size() + j] - beta[j]);
      }
      if (!(objective(tried, beta) >= before - 1e-10 * std::abs(before))) continue;
      const auto next = field_of(tried, beta);
      for (std::size_t i = 0; i < f.size(); ++i)
        change = std::max(change, std::abs(next[i] - f[i]));
      a = tried;
      result.beta = beta;
      break;
    }
    if (change < 1e-11) break;
  }
  result.field = field_of(a, result.beta);
  Matrix b(n, n), total = covariance;
  for (std::int64_t i = 0; i < n; ++i) {
    const double w =
        -likelihood(static_cast<std::size_t>(i), result.field[static_cast<std::size_t>(i)]).second;
    for (std::int64_t j = 0; j < n; ++j) b(i, j) = (i == j ? 1.0 : 0.0) + w * covariance(i, j);
    total(i, i) += 1 / w;
  }
  result.density = objective(a, result.beta) - 0.5 * log_abs_det(b);
  if (p > 0) {
    const Matrix s = multiply(transpose(columns), solve(total, columns));
    result.density +=
        -0.5 * log_abs_det(s) + 0.5 * static_cast<double>(p) * std::log(2 * std::numbers::pi);
  }
  return result;
}

}  // namespace kronwerk::oracle
