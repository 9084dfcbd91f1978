#include "kronwerk/models/flow/flow_least_squares.hpp"

#include <cmath>

#include "kronwerk/core/error.hpp"
#include "models/fit/small_dense.hpp"

namespace kronwerk::models {

std::vector<double> gram_of(const FlowMoments& moments, std::span<const double> c) {
  const std::size_t p = moments.columns;
  const std::size_t lags = moments.column_lags;
  const std::size_t width = p * lags;
  std::vector<double> result(p * p, 0.0);
  for (std::size_t j = 0; j < p; ++j) {
    for (std::size_t k = 0; k < p; ++k) {
      for (std::size_t s = 0; s < lags; ++s) {
        for (std::size_t t = 0; t < lags; ++t) {
          const double weight = moments.filtered ? c[s] * c[t] : 1;
          result[j * p + k] += weight * moments.zz[(j * lags + s) * width + k * lags + t];
        }
      }
    }
  }
  return result;
}

std::vector<double> cross_products_of(const FlowMoments& moments, std::span<const double> c) {
  const std::size_t lags = moments.lags;
  const std::size_t column_lags = moments.column_lags;
  std::vector<double> cross(moments.columns * lags, 0.0);
  for (std::size_t j = 0; j < moments.columns; ++j) {
    for (std::size_t s = 0; s < column_lags; ++s) {
      for (std::size_t t = 0; t < lags; ++t) {
        cross[j * lags + t] +=
            (moments.filtered ? c[s] : 1.0) * moments.zy[(j * column_lags + s) * lags + t];
      }
    }
  }
  return cross;
}

FlowLeastSquares solve_least_squares(const FlowMoments& moments, std::span<const double> c) {
  std::vector<double> delta;
  if (moments.columns > 0) {
    const SmallCholesky factor(gram_of(moments, c), moments.columns, 0);
    if (factor.dependent()) throw core::DataError("the columns of the mean are collinear");
    delta = factor.solved(multiply(cross_products_of(moments, c), c));
  }
  return least_squares_at(moments, c, std::move(delta));
}

FlowLeastSquares least_squares_at(const FlowMoments& moments, std::span<const double> c,
                                  std::vector<double> coefficients) {
  const std::size_t lags = moments.lags;
  const std::size_t p = moments.columns;
  const std::size_t column_lags = moments.column_lags;
  const std::size_t width = p * column_lags;
  FlowLeastSquares result;
  result.gram = gram_of(moments, c);
  result.coefficients = std::move(coefficients);
  const auto cross = cross_products_of(moments, c);
  const auto& delta = result.coefficients;
  // ⟨E_t, E_u⟩ and ⟨Z_j, E_t⟩ with E_t = ∂(residual)/∂c_t.
  result.products = moments.yy;
  result.by_both = cross;
  if (moments.filtered) {
    for (std::size_t j = 0; j < p; ++j) {
      for (std::size_t t = 0; t < lags; ++t) {
        for (std::size_t u = 0; u < lags; ++u) {
          const double product = delta[j] * moments.zy[(j * lags + t) * lags + u];
          result.products[t * lags + u] -= product;
          result.products[u * lags + t] -= product;
        }
        for (std::size_t k = 0; k < p; ++k) {
          for (std::size_t u = 0; u < lags; ++u) {
            const double product = delta[k] * moments.zz[(j * lags + t) * width + k * lags + u];
            result.products[t * lags + u] += delta[j] * product;
            result.by_both[j * lags + u] -= c[t] * product;
          }
        }
      }
    }
  }
  // ⟨E_t, r⟩, r = Σ_u c_u E_u or Σ_u c_u L_u - Zδ.
  const auto slopes = multiply(result.products, c);
  const auto& whole = moments.effects.any() ? moments.whole_yy : moments.yy;
  double size = 0;
  for (std::size_t t = 0; t < lags; ++t) {
    double slope = slopes[t];
    for (std::size_t j = 0; !moments.filtered && j < p; ++j)
      slope -= delta[j] * cross[j * lags + t];
    result.gradient.push_back(2 * slope);
    result.squares += c[t] * slope;
    for (std::size_t u = 0; u < lags; ++u) size += c[t] * c[u] * whole[t * lags + u];
  }
  // ½ ∂²S/∂δ∂c = -⟨Z_j, E_t⟩ - ⟨Z_jt, r⟩, the second part where the columns are filtered.
  for (double& value : result.by_both) value = -value;
  if (moments.filtered) {
    for (std::size_t j = 0; j < p; ++j) {
      for (std::size_t t = 0; t < lags; ++t) {
        double product = 0;
        for (std::size_t u = 0; u < lags; ++u) {
          product += c[u] * moments.zy[(j * lags + t) * lags + u];
          for (std::size_t k = 0; k < p; ++k) {
            product -= c[u] * delta[k] * moments.zz[(j * lags + t) * width + k * lags + u];
          }
        }
        result.by_both[j * lags + t] -= product;
      }
    }
  }
  result.lost_digits = std::max(0.0, std::log10(size / result.squares));
  return result;
}

}  // namespace kronwerk::models
