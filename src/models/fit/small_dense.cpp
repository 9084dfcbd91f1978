#include "models/fit/small_dense.hpp"

#include <cmath>
#include <numeric>

namespace kronwerk::models {

std::optional<std::vector<double>> cholesky_root(std::span<const double> matrix, std::size_t n) {
  std::vector<double> root(n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = matrix[i * n + j];
      for (std::size_t k = 0; k < j; ++k) sum -= root[i * n + k] * root[j * n + k];
      if (i == j && !(sum > 0)) return std::nullopt;
      root[i * n + j] = i == j ? std::sqrt(sum) : sum / root[j * n + j];
    }
  }
  return root;
}

void solve_root(std::span<const double> root, std::span<double> x) {
  const std::size_t n = x.size();
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) x[i] -= root[i * n + j] * x[j];
    x[i] /= root[i * n + i];
  }
}

void solve_root_transposed(std::span<const double> root, std::span<double> x) {
  const std::size_t n = x.size();
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t j = i + 1; j < n; ++j) x[i] -= root[j * n + i] * x[j];
    x[i] /= root[i * n + i];
  }
}

SmallCholesky::SmallCholesky(std::span<const double> matrix, std::size_t n, double smallest_pivot)
    : n_(n), scale_(n, 0.0), factor_(n * n, 0.0) {
  for (std::size_t i = 0; i < n; ++i) {
    const double diagonal = matrix[i * n + i];
    scale_[i] = diagonal > 0 ? 1 / std::sqrt(diagonal) : 0;
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double value = matrix[i * n + j] * scale_[i] * scale_[j];
      for (std::size_t k = 0; k < j; ++k) value -= factor_[i * n + k] * factor_[j * n + k];
      if (i == j && !(value > smallest_pivot)) {
        dependent_ = i;
        return;
      }
      factor_[i * n + j] = i == j ? std::sqrt(value) : value / factor_[j * n + j];
    }
  }
}

void SmallCholesky::solve(std::span<double> b) const {
  for (std::size_t i = 0; i < n_; ++i) b[i] *= scale_[i];
  solve_root(factor_, b);
  solve_root_transposed(factor_, b);
  for (std::size_t i = 0; i < n_; ++i) b[i] *= scale_[i];
}

std::vector<double> SmallCholesky::inverse() const {
  std::vector<double> result(n_ * n_);
  for (std::size_t column = 0; column < n_; ++column) {
    std::vector<double> x(n_, 0.0);
    x[column] = 1;
    solve(x);
    for (std::size_t i = 0; i < n_; ++i) result[i * n_ + column] = x[i];
  }
  return result;
}

std::vector<double> SmallCholesky::dependence() const {
  const std::size_t row = *dependent_;
  std::vector<double> weights(factor_.begin() + static_cast<std::ptrdiff_t>(row * n_),
                              factor_.begin() + static_cast<std::ptrdiff_t>(row * n_ + row));
  for (std::size_t i = row; i-- > 0;) {
    for (std::size_t k = i + 1; k < row; ++k) weights[i] -= factor_[k * n_ + i] * weights[k];
    weights[i] /= factor_[i * n_ + i];
  }
  return weights;
}

std::vector<double> multiply(std::span<const double> matrix, std::span<const double> x) {
  std::vector<double> y(x.empty() ? 0 : matrix.size() / x.size());
  for (std::size_t i = 0; i < y.size(); ++i)
    y[i] = inner(matrix.subspan(i * x.size(), x.size()), x);
  return y;
}

double inner(std::span<const double> x, std::span<const double> y) {
  return std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
}

}  // namespace kronwerk::models
