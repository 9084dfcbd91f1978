#pragma once

// The oracle's arithmetic: dense matrices of long double, nothing of our library. What the program
// computes in double can so be compared with the truth up to conditions of 1e15 and beyond.

#include <Eigen/Dense>
#include <cstdint>
#include <limits>
#include <vector>

namespace kronwerk::adversary {

using Real = long double;
using Index = std::int64_t;
using Grid = std::vector<Index>;
using Matrix = Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::Matrix<Real, Eigen::Dynamic, 1>;

/// Unit in the last place of 1 in double precision: the program's arithmetic, not the oracle's.
inline constexpr Real epsilon = std::numeric_limits<double>::epsilon();

inline Index points(const Grid& grid) {
  Index result = 1;
  for (const Index extent : grid) result *= extent;
  return result;
}

/// a ⊗ b in numpy.kron's order.
inline Matrix kron(const Matrix& a, const Matrix& b) {
  Matrix result(a.rows() * b.rows(), a.cols() * b.cols());
  for (Index i = 0; i < a.rows(); ++i) {
    for (Index j = 0; j < a.cols(); ++j) {
      result.block(i * b.rows(), j * b.cols(), b.rows(), b.cols()) = a(i, j) * b;
    }
  }
  return result;
}

/// Zero sizes apart, Eigen refuses nothing: the inverse of a singular matrix is not finite.
inline Matrix inverse(const Matrix& a) {
  return a.partialPivLu().inverse();
}

/// exp(a) by scaling and squaring with a Taylor polynomial (Moler and Van Loan 2003, method 3).
inline Matrix exponential(const Matrix& a) {
  int squarings = 0;
  for (Real norm = a.norm(); norm > 0.125L && squarings < 60; norm /= 2) ++squarings;
  const Matrix scaled = a / std::ldexp(Real{1}, squarings);
  Matrix term = Matrix::Identity(a.rows(), a.cols());
  Matrix result = term;
  for (int k = 1; k <= 24; ++k) {
    term = term * scaled / static_cast<Real>(k);
    result += term;
  }
  for (int k = 0; k < squarings; ++k) result = result * result;
  return result;
}

inline Vector to_vector(const std::vector<double>& values, std::size_t offset, Index count) {
  Vector result(count);
  for (Index i = 0; i < count; ++i) result(i) = values.at(offset + static_cast<std::size_t>(i));
  return result;
}

}  // namespace kronwerk::adversary
