#include "kronwerk/models/flow/gaussian_flow.hpp"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "kronwerk/core/error.hpp"
#include "kronwerk/core/text.hpp"
#include "models/flow/small_dense.hpp"

namespace kronwerk::models {
namespace {

// A column whose part that others do not explain has less than this of its square is taken to be
// one of their combinations: ten digits, which the moments' rounding leaves.
constexpr double collinear = 1e-11;
// Weights below this part of the largest are not named.
constexpr double negligible = 1e-6;

}  // namespace

GaussianFlow::GaussianFlow(const FlowFilter& filter, const FilterDeterminant& determinant,
                           FlowMoments moments, Index years, std::vector<std::string> column_names)
    : filter_(&filter),
      determinant_(&determinant),
      moments_(std::move(moments)),
      years_(static_cast<double>(years)),
      names_(std::move(column_names)) {}

std::vector<double> GaussianFlow::gram(std::span<const double> c) const {
  const std::size_t p = moments_.columns;
  const std::size_t lags = moments_.column_lags;
  const std::size_t width = p * lags;
  std::vector<double> result(p * p, 0.0);
  for (std::size_t j = 0; j < p; ++j) {
    for (std::size_t k = 0; k < p; ++k) {
      for (std::size_t s = 0; s < lags; ++s) {
        for (std::size_t t = 0; t < lags; ++t) {
          const double weight = moments_.filtered ? c[s] * c[t] : 1;
          result[j * p + k] += weight * moments_.zz[(j * lags + s) * width + k * lags + t];
        }
      }
    }
  }
  return result;
}

FlowLeastSquares GaussianFlow::solve(std::span<const double> c) const {
  const std::size_t lags = moments_.lags;
  const std::size_t p = moments_.columns;
  const std::size_t column_lags = moments_.column_lags;
  const std::size_t width = p * column_lags;
  const auto weight = [&](std::size_t s) { return moments_.filtered ? c[s] : 1.0; };
  FlowLeastSquares result;
  result.gram = gram(c);
  // ⟨Z_j, L_t⟩ with the columns as they enter the model.
  std::vector<double> cross(p * lags, 0.0);
  for (std::size_t j = 0; j < p; ++j) {
    for (std::size_t s = 0; s < column_lags; ++s) {
      for (std::size_t t = 0; t < lags; ++t) {
        cross[j * lags + t] += weight(s) * moments_.zy[(j * column_lags + s) * lags + t];
      }
    }
  }
  if (p > 0) {
    const SmallCholesky factor(result.gram, p, 0);
    if (factor.dependent()) throw core::DataError("the columns of the mean are collinear");
    result.coefficients = factor.solved(multiply(cross, c));
  }
  const auto& delta = result.coefficients;
  // ⟨E_t, E_u⟩ and ⟨Z_j, E_t⟩ with E_t = ∂(residual)/∂c_t.
  result.products = moments_.yy;
  result.by_both = cross;
  if (moments_.filtered) {
    for (std::size_t j = 0; j < p; ++j) {
      for (std::size_t t = 0; t < lags; ++t) {
        for (std::size_t u = 0; u < lags; ++u) {
          const double product = delta[j] * moments_.zy[(j * lags + t) * lags + u];
          result.products[t * lags + u] -= product;
          result.products[u * lags + t] -= product;
        }
        for (std::size_t k = 0; k < p; ++k) {
          for (std::size_t u = 0; u < lags; ++u) {
            const double product = delta[k] * moments_.zz[(j * lags + t) * width + k * lags + u];
            result.products[t * lags + u] += delta[j] * product;
            result.by_both[j * lags + u] -= c[t] * product;
          }
        }
      }
    }
  }
  // ⟨E_t, r⟩, r = Σ_u c_u E_u or Σ_u c_u L_u - Zδ.
  const auto slopes = multiply(result.products, c);
  double size = 0;
  for (std::size_t t = 0; t < lags; ++t) {
    double slope = slopes[t];
    for (std::size_t j = 0; !moments_.filtered && j < p; ++j)
      slope -= delta[j] * cross[j * lags + t];
    result.gradient.push_back(2 * slope);
    result.squares += c[t] * slope;
    for (std::size_t u = 0; u < lags; ++u) size += c[t] * c[u] * moments_.yy[t * lags + u];
  }
  // ½ ∂²S/∂δ∂c = -⟨Z_j, E_t⟩ - ⟨Z_jt, r⟩, the second part where the columns are filtered.
  for (double& value : result.by_both) value = -value;
  if (moments_.filtered) {
    for (std::size_t j = 0; j < p; ++j) {
      for (std::size_t t = 0; t < lags; ++t) {
        double product = 0;
        for (std::size_t u = 0; u < lags; ++u) {
          product += c[u] * moments_.zy[(j * lags + t) * lags + u];
          for (std::size_t k = 0; k < p; ++k) {
            product -= c[u] * delta[k] * moments_.zz[(j * lags + t) * width + k * lags + u];
          }
        }
        result.by_both[j * lags + t] -= product;
      }
    }
  }
  result.lost_digits = std::max(0.0, std::log10(size / result.squares));
  return result;
}

GaussianFlow::Value GaussianFlow::evaluate(std::span<const double> parameters) const {
  const FilterCoefficients c = filter_->coefficients(parameters);
  const std::size_t lags = moments_.lags;
  const std::size_t count = parameters.size();
  const DeterminantValue determinant = determinant_->evaluate(c.value, true);
  Value value;
  value.squares = solve(c.value);
  const FlowLeastSquares& squares = value.squares;
  const auto cells = static_cast<double>(moments_.cells);
  if (!(squares.squares > 0)) {
    throw core::DataError(
        "the columns of the mean explain the flows entirely: the residual sum of squares is zero "
        "up to rounding, and σ² has no estimate");
  }
  value.sigma2 = squares.squares / cells;
  value.log_determinant = years_ * determinant.log_abs;
  value.determinant_error = years_ * determinant.error;
  value.log_likelihood =
      value.log_determinant - cells / 2 * (1 + std::log(2 * std::numbers::pi * value.sigma2));
  // By the coefficients, then by the chain rule by the parameters. d²S/dc² of the S that is least
  // over δ is less by the Schur complement.
  std::vector<double> slope(lags);
  std::vector<double> curvature(lags * lags);
  std::vector<double> reduced = squares.products;
  if (moments_.columns > 0) {
    const SmallCholesky factor(squares.gram, moments_.columns, 0);
    for (std::size_t t = 0; t < lags; ++t) {
      std::vector<double> image(moments_.columns);
      for (std::size_t j = 0; j < image.size(); ++j) image[j] = squares.by_both[j * lags + t];
      factor.solve(image);
      for (std::size_t u = 0; u < lags; ++u) {
        for (std::size_t j = 0; j < image.size(); ++j) {
          reduced[t * lags + u] -= image[j] * squares.by_both[j * lags + u];
        }
      }
    }
  }
  for (std::size_t t = 0; t < lags; ++t) {
    slope[t] = years_ * determinant.gradient[t] - squares.gradient[t] / (2 * value.sigma2);
    for (std::size_t u = 0; u < lags; ++u) {
      curvature[t * lags + u] =
          years_ * determinant.hessian[t * lags + u] - reduced[t * lags + u] / value.sigma2 +
          squares.gradient[t] * squares.gradient[u] / (2 * value.sigma2 * squares.squares);
    }
  }
  value.gradient.assign(count, 0.0);
  value.hessian.assign(count * count, 0.0);
  for (std::size_t t = 0; t < lags; ++t) {
    for (std::size_t a = 0; a < count; ++a) {
      const double first = c.first[t * count + a];
      value.gradient[a] += slope[t] * first;
      for (std::size_t b = 0; b < count; ++b) {
        double& entry = value.hessian[a * count + b];
        entry += slope[t] * c.second[(t * count + a) * count + b];
        for (std::size_t u = 0; u < lags; ++u) {
          entry += first * curvature[t * lags + u] * c.first[u * count + b];
        }
      }
    }
  }
  return value;
}

void GaussianFlow::check_columns(std::span<const double> parameters) const {
  const std::size_t p = moments_.columns;
  const auto matrix = gram(filter_->coefficients(parameters).value);
  for (std::size_t j = 0; j < p; ++j) {
    if (matrix[j * p + j] > 0) continue;
    throw core::DataError(
        fmt::format("the column '{}' of the mean is zero everywhere; leave it out", names_[j]));
  }
  const SmallCholesky factor(matrix, p, collinear);
  if (!factor.dependent()) return;
  const auto weights = factor.dependence();
  double largest = 0;
  for (const double weight : weights) largest = std::max(largest, std::abs(weight));
  std::vector<std::string> others;
  for (std::size_t j = 0; j < weights.size(); ++j) {
    if (std::abs(weights[j]) > negligible * largest) others.push_back("'" + names_[j] + "'");
  }
  throw core::DataError(fmt::format(
      "the column '{}' of the mean is a linear combination of {}; leave one of them out",
      names_[*factor.dependent()], core::join(others, " and ")));
}

std::vector<double> GaussianFlow::information(std::span<const double> parameters) const {
  const FilterCoefficients c = filter_->coefficients(parameters);
  const DeterminantValue determinant = determinant_->evaluate(c.value, true);
  const FlowLeastSquares squares = solve(c.value);
  const std::size_t lags = moments_.lags;
  const std::size_t count = parameters.size();
  const std::size_t p = moments_.columns;
  const std::size_t size = count + p + 1;
  const auto cells = static_cast<double>(moments_.cells);
  const double sigma2 = squares.squares / cells;
  std::vector<double> result(size * size, 0.0);
  const auto add = [&](std::size_t a, std::size_t b, double value) {
    result[a * size + b] += value;
    if (a != b) result[b * size + a] += value;
  };
  for (std::size_t a = 0; a < count; ++a) {
    for (std::size_t t = 0; t < lags; ++t) {
      const double first = c.first[t * count + a];
      for (std::size_t b = 0; b <= a; ++b) {
        double value = (squares.gradient[t] / (2 * sigma2) - years_ * determinant.gradient[t]) *
                       c.second[(t * count + a) * count + b];
        for (std::size_t u = 0; u < lags; ++u) {
          value += first * c.first[u * count + b] *
                   (squares.products[t * lags + u] / sigma2 -
                    years_ * determinant.hessian[t * lags + u]);
        }
        add(a, b, value);
      }
      for (std::size_t j = 0; j < p; ++j) {
        add(count + j, a, first * squares.by_both[j * lags + t] / sigma2);
      }
      add(size - 1, a, -first * squares.gradient[t] / (2 * sigma2 * sigma2));
    }
  }
  for (std::size_t j = 0; j < p; ++j) {
    for (std::size_t k = 0; k <= j; ++k)
      add(count + j, count + k, squares.gram[j * p + k] / sigma2);
  }
  add(size - 1, size - 1, cells / (2 * sigma2 * sigma2));
  return result;
}

std::optional<std::vector<double>> covariance_of(std::span<const double> information,
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

}  // namespace kronwerk::models
