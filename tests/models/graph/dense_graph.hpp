#pragma once

// Graphs of all modes by their definition: N x N matrices, inverses by elimination.

#include <cmath>
#include <vector>

#include "support/dense_oracle.hpp"

namespace kronwerk::oracle {

using Sizes = std::vector<std::int64_t>;

inline std::int64_t points_of(const Sizes& extents) {
  std::int64_t result = 1;
  for (const auto extent : extents) result *= extent;
  return result;
}

/// Index of a point in one mode.
inline std::int64_t index_in(const Sizes& extents, std::size_t mode, std::int64_t point) {
  for (std::size_t k = extents.size(); k-- > mode + 1;) point /= extents[k];
  return point % extents[mode];
}

/// Samples with neighbours that resemble each other, as rows.
inline Matrix samples(const Sizes& extents, std::int64_t count, std::uint64_t seed) {
  const std::int64_t points = points_of(extents);
  Matrix result = random_matrix(count, points, seed);
  for (std::int64_t s = 0; s < count; ++s) {
    for (std::int64_t p = points; p-- > 1;) result(s, p) += 0.8 * result(s, p - 1);
    for (std::int64_t p = points - 1; p >= extents.back(); --p) {
      result(s, p) -= 0.5 * result(s, p - extents.back());
    }
  }
  return result;
}

/// The means over samples and other modes of y_i y_j.
inline std::vector<std::vector<double>> grams(const Sizes& extents, const Matrix& samples) {
  std::vector<std::vector<double>> result;
  const std::int64_t points = points_of(extents);
  for (std::size_t k = 0; k < extents.size(); ++k) {
    std::int64_t stride = 1;
    for (std::size_t l = k + 1; l < extents.size(); ++l) stride *= extents[l];
    const std::int64_t n = extents[k];
    std::vector<double> gram(static_cast<std::size_t>(n * n));
    for (std::int64_t s = 0; s < samples.rows; ++s) {
      for (std::int64_t p = 0; p < points; ++p) {
        const std::int64_t i = index_in(extents, k, p);
        for (std::int64_t j = 0; j < n; ++j) {
          gram[static_cast<std::size_t>(i * n + j)] +=
              samples(s, p) * samples(s, p + (j - i) * stride);
        }
      }
    }
    for (double& value : gram) {
      value *= static_cast<double>(n) / static_cast<double>(samples.rows * points);
    }
    result.push_back(gram);
  }
  return result;
}

inline double mean_diagonal(const std::vector<double>& gram, std::int64_t n) {
  double trace = 0;
  for (std::int64_t i = 0; i < n; ++i) trace += gram[static_cast<std::size_t>(i * (n + 1))];
  return trace / static_cast<double>(n);
}

inline Matrix kronecker_sum(const Sizes& extents, const std::vector<std::vector<double>>& factors) {
  Matrix result(points_of(extents), points_of(extents));
  for (std::size_t k = 0; k < extents.size(); ++k) {
    std::vector<Matrix> parts;
    for (const auto extent : extents) parts.push_back(identity(extent));
    parts[k] = Matrix(extents[k], extents[k], factors[k]);
    result = add(1, result, 1, kron(parts));
  }
  return result;
}

struct GraphOracle {
  double kkt = 0;  ///< relative to the mean diagonal
  double objective = 0;
  double log_determinant = 0;
};

inline GraphOracle graph(const Sizes& extents, const std::vector<std::vector<double>>& grams,
                         const std::vector<double>& penalties,
                         const std::vector<std::vector<double>>& factors) {
  const Matrix omega = kronecker_sum(extents, factors);
  const Matrix covariance = inverse(omega);
  const std::int64_t points = omega.rows;
  GraphOracle result;
  result.log_determinant = log_abs_det(omega);
  result.objective = -result.log_determinant;
  for (std::size_t k = 0; k < extents.size(); ++k) {
    const std::int64_t n = extents[k];
    std::int64_t stride = 1;
    for (std::size_t l = k + 1; l < extents.size(); ++l) stride *= extents[l];
    Matrix means(n, n);
    for (std::int64_t p = 0; p < points; ++p) {
      const std::int64_t i = index_in(extents, k, p);
      for (std::int64_t j = 0; j < n; ++j) means(i, j) += covariance(p, p + (j - i) * stride);
    }
    const auto others = static_cast<double>(points) / static_cast<double>(n);
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        const auto at = static_cast<std::size_t>(i * n + j);
        const double gradient = grams[k][at] - means(i, j) / others;
        const double value = factors[k][at];
        const double penalty = i == j ? 0 : penalties[k];
        const double missed = value > 0   ? std::abs(gradient + penalty)
                              : value < 0 ? std::abs(gradient - penalty)
                                          : std::max(0.0, std::abs(gradient) - penalty);
        result.kkt = std::max(result.kkt, missed / mean_diagonal(grams[0], extents[0]));
        result.objective += others * (grams[k][at] * value + penalty * std::abs(value));
      }
    }
  }
  return result;
}

/// The graphical lasso with an unpenalised diagonal, by coordinate descent on the columns of the
/// covariance (Friedman, Hastie and Tibshirani 2008).
inline Matrix graphical_lasso(const Matrix& s, double penalty) {
  const std::int64_t n = s.rows;
  Matrix w = s;
  Matrix beta(n, n);  // column j: of the regression of j on the others
  for (int sweep = 0; sweep < 2000; ++sweep) {
    double change = 0;
    for (std::int64_t j = 0; j < n; ++j) {
      for (int inner = 0; inner < 50; ++inner) {
        for (std::int64_t i = 0; i < n; ++i) {
          if (i == j) continue;
          double rest = s(i, j);
          for (std::int64_t l = 0; l < n; ++l) {
            if (l != i && l != j) rest -= w(i, l) * beta(l, j);
          }
          const double shrunk = std::max(0.0, std::abs(rest) - penalty);
          beta(i, j) = std::copysign(shrunk, rest) / w(i, i);
        }
      }
      for (std::int64_t i = 0; i < n; ++i) {
        if (i == j) continue;
        double value = 0;
        for (std::int64_t l = 0; l < n; ++l) {
          if (l != j) value += w(i, l) * beta(l, j);
        }
        change = std::max(change, std::abs(value - w(i, j)));
        w(i, j) = w(j, i) = value;
      }
    }
    if (change < 1e-14) break;
  }
  Matrix result(n, n);
  for (std::int64_t j = 0; j < n; ++j) {
    double variance = w(j, j);
    for (std::int64_t l = 0; l < n; ++l) {
      if (l != j) variance -= w(l, j) * beta(l, j);
    }
    for (std::int64_t i = 0; i < n; ++i) {
      result(i, j) = i == j ? 1 / variance : -beta(i, j) / variance;
    }
  }
  return result;
}

}  // namespace kronwerk::oracle
