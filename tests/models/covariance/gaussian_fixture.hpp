#pragma once

#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "kronwerk/models/covariance/covariance.hpp"
#include "models/covariance/dense_gaussian.hpp"
#include "operators/base/operator_fixture.hpp"

namespace kronwerk::models {

using oracle::Matrix;

/// Covariances over small grids, as terms and as dense matrices.
class GaussianFixture : public operators::OperatorFixture {
 protected:
  static factors::FactorPtr factor(const Matrix& matrix, const std::string& name = "C") {
    return factors::make_dense(name,
                               {matrix.rows, matrix.cols,
                                communication::SharedArray<double>::from_private(matrix.values)});
  }
  static factors::Chain chain(const Matrix& matrix, const std::string& name = "C") {
    return {{factor(matrix, name)}};
  }
  static factors::Chain identity(Index n) { return {{factors::make_identity(n)}}; }
  static factors::Chain diagonal(const std::vector<double>& values) {
    return {{factors::make_diagonal("D", values)}};
  }
  static Matrix dense_diagonal(const std::vector<double>& values) {
    const auto n = static_cast<Index>(values.size());
    Matrix result(n, n);
    for (Index i = 0; i < n; ++i) result(i, i) = values[static_cast<std::size_t>(i)];
    return result;
  }

  /// Points 0, 1, … bent a little so that nothing is symmetric by chance.
  static double point(Index i) {
    const auto x = static_cast<double>(i);
    return x + 0.2 * std::sin(2.3 * x);
  }
  static Matrix kernel(Index rows, Index cols, double shift,
                       const std::function<double(double)>& f) {
    Matrix result(rows, cols);
    for (Index i = 0; i < rows; ++i) {
      for (Index j = 0; j < cols; ++j) result(i, j) = f(std::abs(point(i) + shift - point(j)));
    }
    return result;
  }
  /// exp(−d/l): well conditioned.
  static Matrix exponential(Index n, double l) {
    return kernel(n, n, 0, [l](double d) { return std::exp(-d / l); });
  }
  static Matrix exponential_derivative(Index n, double l) {
    return kernel(n, n, 0, [l](double d) { return std::exp(-d / l) * d / (l * l); });
  }
  static Matrix rbf(Index n, double l) {
    return kernel(n, n, 0, [l](double d) { return std::exp(-d * d / (2 * l * l)); });
  }

  static Matrix lower_cholesky(const Matrix& a) {
    Matrix l(a.rows, a.rows);
    for (Index i = 0; i < a.rows; ++i) {
      for (Index j = 0; j <= i; ++j) {
        double sum = a(i, j);
        for (Index k = 0; k < j; ++k) sum -= l(i, k) * l(j, k);
        l(i, j) = i == j ? std::sqrt(sum) : sum / l(j, j);
      }
    }
    return l;
  }

  Covariance make(CovarianceTerms terms) const { return {comm_, workspace_, std::move(terms)}; }

  template <typename Error>
  std::string message_of(const std::function<void()>& work) const {
    try {
      work();
    } catch (const Error& error) {
      return error.what();
    }
    ADD_FAILURE() << "nothing was thrown";
    return "";
  }
};

}  // namespace kronwerk::models
