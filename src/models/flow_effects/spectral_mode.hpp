#pragma once

#include <cblas.h>

#include <complex>
#include <span>
#include <vector>

#include "kronwerk/factors/base/factor.hpp"
#include "kronwerk/factors/dense/dense_values.hpp"

namespace kronwerk::models {

using core::Index;

/// Eigenvectors of one mode, O = P a P⁻¹, as tables of real numbers: of two conjugate eigenvectors
/// the real and the imaginary part (factors::Basis).
struct SpectralMode {
  /// A real eigenvalue, or one of two conjugate ones.
  struct Value {
    std::size_t place = 0;  ///< of the first of its rows in the tables
    int sign = 0;           ///< of the imaginary part; 0: real
    double weight = 1;      ///< 2: stands for its conjugate too
  };
  factors::FactorPtr right;  ///< P: row i has what every eigenvector has at region i
  factors::FactorPtr left;   ///< P⁻ᵀ
  std::vector<Value> values;
  std::vector<std::vector<std::complex<double>>> matrices;  ///< of the filter, at `values`
};

enum class Side { right, left };

inline const factors::Factor& table_of(const SpectralMode& mode, Side side) {
  return side == Side::right ? *mode.right : *mode.left;
}

inline void set_coordinate(Side side, double first, double second, int sign,
                           std::complex<double>& value) {
  if (sign == 0) {
    value = first;
  } else if (side == Side::right) {
    value = {first, sign * second};
  } else {
    value = {first / 2, -sign * second / 2};
  }
}
inline void set_coordinate(Side /*side*/, double first, double /*second*/, int /*sign*/,
                           double& value) {
  value = first;
}
inline void set_coordinate(const std::complex<double>& from, std::complex<double>& value) {
  value = from;
}
inline void set_coordinate(const std::complex<double>& from, double& value) {
  value = from.real();
}

/// Rows of n numbers along the tables as rows along `values`, of real numbers where all
/// eigenvalues are real.
template <typename Scalar>
std::vector<Scalar> in_eigenvectors(const SpectralMode& mode, Side side,
                                    std::span<const double> rows, Index count) {
  const auto n = static_cast<std::size_t>(mode.right->rows());
  std::vector<Scalar> result(static_cast<std::size_t>(count) * mode.values.size());
  Scalar* to = result.data();
  for (std::size_t row = 0; row < static_cast<std::size_t>(count); ++row) {
    const double* from = rows.data() + row * n;
    for (const SpectralMode::Value& value : mode.values) {
      set_coordinate(side, from[value.place], value.sign == 0 ? 0.0 : from[value.place + 1],
                     value.sign, *to++);
    }
  }
  return result;
}

/// The same of the rows of a table from `first` on.
template <typename Scalar>
std::vector<Scalar> rows_of(const SpectralMode& mode, Side side, Index first, Index count) {
  const auto values = factors::dense_values(table_of(mode, side));
  return in_eigenvectors<Scalar>(
      mode, side, values.subspan(static_cast<std::size_t>(first * mode.right->rows())), count);
}

/// The same of x T, `count` rows of n numbers times a table.
template <typename Scalar>
std::vector<Scalar> product_of(const SpectralMode& mode, Side side, const double* x, Index count) {
  const auto n = static_cast<int>(mode.right->rows());
  std::vector<double> rows(static_cast<std::size_t>(count * n));
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(count), n, n, 1.0, x, n,
              factors::dense_values(table_of(mode, side)).data(), n, 0.0, rows.data(), n);
  return in_eigenvectors<Scalar>(mode, side, rows, count);
}

}  // namespace kronwerk::models
