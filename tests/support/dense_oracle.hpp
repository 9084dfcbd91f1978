#pragma once

// Small dense reference computations for tests: everything by its definition, nothing by our
// library. Row-major; no MPI. Errors are for tests of at most a few thousand entries per side.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

namespace kronwerk::oracle {

/// A dense matrix in row-major order.
struct Matrix {
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::vector<double> values;

  Matrix() = default;
  Matrix(std::int64_t row_count, std::int64_t col_count)
      : rows(row_count), cols(col_count), values(static_cast<std::size_t>(row_count * col_count)) {}
  Matrix(std::int64_t row_count, std::int64_t col_count, std::vector<double> entries)
      : rows(row_count), cols(col_count), values(std::move(entries)) {}

  double& operator()(std::int64_t i, std::int64_t j) {
    return values[static_cast<std::size_t>(i * cols + j)];
  }
  double operator()(std::int64_t i, std::int64_t j) const {
    return values[static_cast<std::size_t>(i * cols + j)];
  }
};

inline Matrix identity(std::int64_t n) {
  Matrix result(n, n);
  for (std::int64_t i = 0; i < n; ++i) result(i, i) = 1.0;
  return result;
}

/// `count` numbers in [-1, 1), the same for the same seed everywhere (SplitMix64, Steele et al.
/// 2014).
inline std::vector<double> random_vector(std::int64_t count, std::uint64_t seed) {
  std::vector<double> result(static_cast<std::size_t>(count));
  std::uint64_t state = seed * 0x9E3779B97F4A7C15ULL + 0x1234567ULL;
  for (double& value : result) {
    state += 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    z ^= z >> 31;
    value = static_cast<double>(z >> 11) * 0x1.0p-52 - 1.0;
  }
  return result;
}

/// Entries in [-1, 1); not symmetric.
inline Matrix random_matrix(std::int64_t rows, std::int64_t cols, std::uint64_t seed) {
  return {rows, cols, random_vector(rows * cols, seed)};
}

/// A random matrix with a dominant diagonal: safe to solve with.
inline Matrix random_regular(std::int64_t n, std::uint64_t seed) {
  Matrix result = random_matrix(n, n, seed);
  for (std::int64_t i = 0; i < n; ++i) {
    result(i, i) += (i % 2 == 0 ? 1.0 : -1.0) * std::sqrt(static_cast<double>(n) + 1.0) * 2.0;
  }
  return result;
}

inline Matrix transpose(const Matrix& a) {
  Matrix result(a.cols, a.rows);
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t j = 0; j < a.cols; ++j) result(j, i) = a(i, j);
  }
  return result;
}

/// a b
inline Matrix multiply(const Matrix& a, const Matrix& b) {
  if (a.cols != b.rows) throw std::invalid_argument("oracle: shapes do not conform");
  Matrix result(a.rows, b.cols);
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t k = 0; k < a.cols; ++k) {
      for (std::int64_t j = 0; j < b.cols; ++j) result(i, j) += a(i, k) * b(k, j);
    }
  }
  return result;
}

/// a x
inline std::vector<double> multiply(const Matrix& a, std::span<const double> x) {
  return multiply(a, Matrix(a.cols, 1, {x.begin(), x.end()})).values;
}

/// α a + β b
inline Matrix add(double alpha, const Matrix& a, double beta, const Matrix& b) {
  Matrix result = a;
  for (std::size_t i = 0; i < result.values.size(); ++i) {
    result.values[i] = alpha * a.values[i] + beta * b.values[i];
  }
  return result;
}

/// Some rows and columns.
inline Matrix select(const Matrix& matrix, const std::vector<std::int64_t>& rows,
                     const std::vector<std::int64_t>& cols) {
  Matrix result(std::ssize(rows), std::ssize(cols));
  for (std::int64_t i = 0; i < result.rows; ++i) {
    for (std::int64_t j = 0; j < result.cols; ++j) {
      result(i, j) = matrix(rows[static_cast<std::size_t>(i)], cols[static_cast<std::size_t>(j)]);
    }
  }
  return result;
}

inline std::vector<double> select(const std::vector<double>& x,
                                  const std::vector<std::int64_t>& rows) {
  std::vector<double> result;
  for (const std::int64_t row : rows) result.push_back(x[static_cast<std::size_t>(row)]);
  return result;
}

/// a ⊗ b in numpy.kron's order: entry (i p + k, j q + l) is a(i, j) b(k, l).
inline Matrix kron(const Matrix& a, const Matrix& b) {
  Matrix result(a.rows * b.rows, a.cols * b.cols);
  for (std::int64_t i = 0; i < result.rows; ++i) {
    for (std::int64_t j = 0; j < result.cols; ++j) {
      result(i, j) = a(i / b.rows, j / b.cols) * b(i % b.rows, j % b.cols);
    }
  }
  return result;
}

/// factors[0] ⊗ factors[1] ⊗ …; the 1 x 1 identity for none.
inline Matrix kron(const std::vector<Matrix>& factors) {
  Matrix result = identity(1);
  for (const Matrix& factor : factors) result = kron(result, factor);
  return result;
}

namespace detail {
/// Gaussian elimination with partial pivoting on [a | b]; returns b's solution and a's log|det|,
/// sign.
struct Elimination {
  Matrix solution;
  double log_abs_det = 0;
  int sign = 1;
};

inline Elimination eliminate(Matrix a, Matrix b) {
  if (a.rows != a.cols || a.rows != b.rows) throw std::invalid_argument("oracle: shapes differ");
  Elimination result;
  const std::int64_t n = a.rows;
  for (std::int64_t k = 0; k < n; ++k) {
    std::int64_t pivot = k;
    for (std::int64_t i = k + 1; i < n; ++i) {
      if (std::abs(a(i, k)) > std::abs(a(pivot, k))) pivot = i;
    }
    if (a(pivot, k) == 0.0) {
      result.sign = 0;
      result.log_abs_det = -std::numeric_limits<double>::infinity();
      return result;
    }
    if (pivot != k) {
      result.sign = -result.sign;
      for (std::int64_t j = 0; j < n; ++j) std::swap(a(pivot, j), a(k, j));
      for (std::int64_t j = 0; j < b.cols; ++j) std::swap(b(pivot, j), b(k, j));
    }
    result.log_abs_det += std::log(std::abs(a(k, k)));
    if (a(k, k) < 0) result.sign = -result.sign;
    for (std::int64_t i = k + 1; i < n; ++i) {
      const double ratio = a(i, k) / a(k, k);
      for (std::int64_t j = k; j < n; ++j) a(i, j) -= ratio * a(k, j);
      for (std::int64_t j = 0; j < b.cols; ++j) b(i, j) -= ratio * b(k, j);
    }
  }
  for (std::int64_t k = n - 1; k >= 0; --k) {
    for (std::int64_t j = 0; j < b.cols; ++j) {
      for (std::int64_t i = k + 1; i < n; ++i) b(k, j) -= a(k, i) * b(i, j);
      b(k, j) /= a(k, k);
    }
  }
  result.solution = std::move(b);
  return result;
}
}  // namespace detail

/// X with a X = b. @throws std::domain_error if a is exactly singular
inline Matrix solve(const Matrix& a, const Matrix& b) {
  auto result = detail::eliminate(a, b);
  if (result.sign == 0) throw std::domain_error("oracle: singular matrix");
  return std::move(result.solution);
}

/// x with a x = b
inline std::vector<double> solve(const Matrix& a, std::span<const double> b) {
  return solve(a, Matrix(a.rows, 1, {b.begin(), b.end()})).values;
}

inline Matrix inverse(const Matrix& a) {
  return solve(a, identity(a.rows));
}

/// log|det a|; -infinity for a singular matrix
inline double log_abs_det(const Matrix& a) {
  return detail::eliminate(a, Matrix(a.rows, 0)).log_abs_det;
}

/// The determinant's sign: -1, 0 or 1.
inline int sign_of_det(const Matrix& a) {
  return detail::eliminate(a, Matrix(a.rows, 0)).sign;
}

/// ‖a − b‖₂ / ‖b‖₂ (‖a − b‖₂ where b is zero); infinity if the sizes differ or an entry is NaN.
inline double relative_error(std::span<const double> a, std::span<const double> b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double difference = 0;
  double norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    norm += b[i] * b[i];
  }
  if (std::isnan(difference)) return std::numeric_limits<double>::infinity();
  return norm > 0 ? std::sqrt(difference / norm) : std::sqrt(difference);
}

inline double relative_error(const Matrix& a, const Matrix& b) {
  if (a.rows != b.rows || a.cols != b.cols) return std::numeric_limits<double>::infinity();
  return relative_error(std::span<const double>(a.values), std::span<const double>(b.values));
}

}  // namespace kronwerk::oracle
