// What missing flows make of the least squares and of the log determinant.
#include <algorithm>
#include <cmath>

#include "kronwerk/models/flow/flow_least_squares.hpp"
#include "kronwerk/models/flow_determinants/determinant.hpp"
#include "models/fit/small_dense.hpp"
#include "models/flow_missing/missing_state.hpp"

namespace kronwerk::models {
namespace {

/// ⟨A e_m, Z̃_j⟩ and ⟨A e_m, A y₀⟩ side by side: (m, p + 1).
template <typename State>
std::vector<double> right_sides(const State& state, const FlowMoments& moments,
                                std::span<const double> c) {
  const std::size_t p = moments.columns;
  std::vector<double> result(static_cast<std::size_t>(state.gram.size()) * (p + 1), 0.0);
  for (Index m = 0; m < state.gram.size(); ++m) {
    double* row = result.data() + static_cast<std::size_t>(m) * (p + 1);
    for (std::size_t t = 0; t < state.lags; ++t) {
      for (std::size_t j = 0; j < p; ++j) {
        for (std::size_t s = 0; s < moments.column_lags; ++s) {
          row[j] +=
              c[t] * (moments.filtered ? c[s] : 1) * state.z(m, t, j * moments.column_lags + s);
        }
      }
      for (std::size_t u = 0; u < state.lags; ++u) row[p] += c[t] * c[u] * state.y(m, t, u);
    }
  }
  return result;
}

/// a -= XᵀY for (m, k) X and (m, l) Y, of which the first `rows` and `columns` count.
void subtract_product(std::span<const double> x, std::size_t k, std::size_t rows,
                      std::span<const double> y, std::size_t l, std::size_t columns,
                      std::vector<double>& a, double sign = 1) {
  const std::size_t m = x.size() / k;
  for (std::size_t r = 0; r < m; ++r) {
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < columns; ++j) {
        a[i * columns + j] -= sign * x[r * k + i] * y[r * l + j];
      }
    }
  }
}

}  // namespace

std::vector<double> MissingFlows::gram(const FlowMoments& moments,
                                       std::span<const double> c) const {
  const std::size_t p = moments.columns;
  const auto right = right_sides(*state_, moments, c);
  auto solved = right;
  state_->solve(c, static_cast<Index>(p) + 1, solved);
  auto result = gram_of(moments, c);
  subtract_product(right, p + 1, p, solved, p + 1, p, result);
  return result;
}

// gram = ZᵀZ - RᵀM⁻¹R with M = A_mᵀA_m and R = A_mᵀZ, so that with X = M⁻¹R its derivative has the
// part -∂RᵀX - Xᵀ∂R + Xᵀ∂M X.
void MissingFlows::add_gram_slopes(const FlowMoments& moments, std::span<const double> c,
                                   std::span<const double> weights,
                                   std::span<double> slopes) const {
  const State& state = *state_;
  const std::size_t p = moments.columns;
  const std::size_t width = p + 1;
  const std::size_t s = moments.column_lags;
  auto solved = right_sides(state, moments, c);
  state.solve(c, static_cast<Index>(width), solved);
  std::vector<double> weighted(static_cast<std::size_t>(count_) * p, 0.0);  // X weights
  for (std::size_t m = 0; m < static_cast<std::size_t>(count_); ++m) {
    for (std::size_t j = 0; j < p; ++j) {
      for (std::size_t k = 0; k < p; ++k) {
        weighted[m * p + j] += solved[m * width + k] * weights[k * p + j];
      }
    }
  }
  for (std::size_t t = 0; t < state.lags; ++t) {
    for (Index m = 0; m < count_; ++m) {
      for (std::size_t j = 0; j < p; ++j) {
        double slope = moments.filtered ? 0 : state.z(m, t, j);
        for (std::size_t u = 0; moments.filtered && u < state.lags; ++u) {
          slope += c[u] * (state.z(m, t, j * s + u) + state.z(m, u, j * s + t));
        }
        slopes[t] -= 2 * weighted[static_cast<std::size_t>(m) * p + j] * slope;
      }
    }
    std::vector<double> of_lags(state.lags * state.lags, 0.0);
    for (std::size_t u = 0; u < state.lags; ++u) {
      of_lags[t * state.lags + u] += c[u];
      of_lags[u * state.lags + t] += c[u];
    }
    for (Index begin = 0; begin < count_;) {
      const Index end = state.gram.year_of(begin).second;
      const auto slope = state.weighted(of_lags, begin, end);
      for (Index a = begin; a < end; ++a) {
        for (Index b = begin; b < end; ++b) {
          double product = 0;
          for (std::size_t j = 0; j < p; ++j) {
            product += solved[static_cast<std::size_t>(a) * width + j] *
                       weighted[static_cast<std::size_t>(b) * p + j];
          }
          slopes[t] +=
              product * slope[static_cast<std::size_t>((a - begin) * (end - begin) + b - begin)];
        }
      }
      begin = end;
    }
  }
}

FlowLeastSquares MissingFlows::solve(const FlowMoments& moments, std::span<const double> c) const {
  const State& state = *state_;
  const std::size_t p = moments.columns;
  const std::size_t lags = state.lags;
  const auto m = static_cast<std::size_t>(count_);
  const auto right = right_sides(state, moments, c);
  auto solved = right;
  state.solve(c, static_cast<Index>(p) + 1, solved);
  // δ without the missing flows, then these.
  auto reduced = gram_of(moments, c);
  subtract_product(right, p + 1, p, solved, p + 1, p, reduced);
  std::vector<double> delta = multiply(cross_products_of(moments, c), c);
  for (std::size_t k = 0; k < m; ++k) {
    for (std::size_t j = 0; j < p; ++j) {
      delta[j] -= right[k * (p + 1) + j] * solved[k * (p + 1) + p];
    }
  }
  if (p > 0) {
    const SmallCholesky factor(reduced, p, 0);
    if (factor.dependent()) throw core::DataError("the columns of the mean are collinear");
    factor.solve(delta);
  }
  std::vector<double> eta(m);
  for (std::size_t k = 0; k < m; ++k) {
    eta[k] = -solved[k * (p + 1) + p];
    for (std::size_t j = 0; j < p; ++j) eta[k] += solved[k * (p + 1) + j] * delta[j];
  }
  // The moments of the completed flows, and ⟨E_mt, Σ_m' η_m' E_m'u⟩.
  FlowMoments completed = moments;
  std::vector<double> images(m * lags * lags, 0.0);
  for (Index a = 0; a < count_; ++a) {
    const auto [begin, end] = state.gram.year_of(a);
    for (std::size_t t = 0; t < lags; ++t) {
      for (std::size_t u = 0; u < lags; ++u) {
        double image = 0;
        for (Index b = begin; b < end; ++b) {
          image += state.gram(t, u, a, b) * eta[static_cast<std::size_t>(b)];
        }
        images[(static_cast<std::size_t>(a) * lags + t) * lags + u] = image;
        const double weight = eta[static_cast<std::size_t>(a)];
        completed.yy[t * lags + u] += weight * (state.y(a, t, u) + image);
        completed.yy[u * lags + t] += weight * state.y(a, t, u);
      }
      for (std::size_t r = 0; r < state.regressors; ++r) {
        completed.zy[r * lags + t] += eta[static_cast<std::size_t>(a)] * state.z(a, t, r);
      }
    }
  }
  FlowLeastSquares result = least_squares_at(completed, c, delta);
  // ½ ∂²S/∂η∂c = ⟨A e_m, E_t⟩ + ⟨E_mt, r⟩ with E_t = ∂r/∂c_t.
  std::vector<double> mixed(m * lags, 0.0);
  for (Index a = 0; a < count_; ++a) {
    const auto k = static_cast<std::size_t>(a);
    for (std::size_t t = 0; t < lags; ++t) {
      for (std::size_t u = 0; u < lags; ++u) {
        double value = state.y(a, t, u) + images[(k * lags + t) * lags + u];
        for (std::size_t j = 0; moments.filtered && j < p; ++j) {
          value -= delta[j] * state.z(a, t, j * lags + u);
        }
        mixed[k * lags + u] += c[t] * value;
        mixed[k * lags + t] += c[u] * value;
      }
      for (std::size_t j = 0; !moments.filtered && j < p; ++j) {
        mixed[k * lags + t] -= delta[j] * state.z(a, t, j);
      }
    }
  }
  auto mixed_solved = mixed;
  state.solve(c, static_cast<Index>(lags), mixed_solved);
  subtract_product(mixed, lags, lags, mixed_solved, lags, lags, result.products);
  subtract_product(right, p + 1, p, mixed_solved, lags, lags, result.by_both, -1);
  result.gram = std::move(reduced);
  return result;
}

void MissingFlows::add_determinant(std::span<const double> c, DeterminantValue& value) const {
  const State& state = *state_;
  const std::size_t lags = state.lags;
  std::vector<double> sums(lags + lags * lags, 0.0);  // of all ranks: gradient, Hessian
  for (Index begin = 0; begin < count_;) {
    const Index end = state.gram.year_of(begin).second;
    const Index n = end - begin;
    const auto lower = state.factor(c, begin, end);
    for (Index k = 0; k < n; ++k) {
      value.log_abs -= std::log(lower[static_cast<std::size_t>(k * n + k)]);
    }
    // C_t = L⁻¹ G_t L⁻ᵀ, G_t = ∂(A_mᵀA_m)/∂c_t: this rank's columns of each.
    const distribution::BlockPartition share(n, state.comm->size());
    const Index first = share.begin(state.comm->rank());
    const Index columns = share.count(state.comm->rank());
    std::vector<double> units(static_cast<std::size_t>(n * columns), 0.0);
    for (Index k = 0; k < columns; ++k) {
      units[static_cast<std::size_t>((first + k) * columns + k)] = 1;
    }
    solve_lower(lower, n, columns, true, units.data());
    const auto transformed = [&](std::span<const double> weights) {
      const auto matrix = state.weighted(weights, begin, end);
      std::vector<double> image(units.size());
      if (columns > 0) {
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, core::narrow<int>(n),
                    core::narrow<int>(columns), core::narrow<int>(n), 1.0, matrix.data(),
                    core::narrow<int>(n), units.data(), core::narrow<int>(columns), 0.0,
                    image.data(), core::narrow<int>(columns));
      }
      solve_lower(lower, n, columns, false, image.data());
      return image;
    };
    // tr((A_mᵀA_m)⁻¹ M), of this rank's columns.
    std::vector<double> inverse(units.size(), 0.0);
    for (Index k = 0; k < columns; ++k) {
      inverse[static_cast<std::size_t>((first + k) * columns + k)] = 1;
    }
    solve_lower(lower, n, columns, false, inverse.data());
    solve_lower(lower, n, columns, true, inverse.data());
    const auto trace = [&](std::size_t t, std::size_t u) {
      double sum = 0;
      for (Index a = 0; a < n; ++a) {
        for (Index k = 0; k < columns; ++k) {
          sum += inverse[static_cast<std::size_t>(a * columns + k)] *
                 state.gram(t, u, begin + a, begin + first + k);
        }
      }
      return sum;
    };
    std::vector<std::vector<double>> images;
    for (std::size_t t = 0; t < lags; ++t) {
      std::vector<double> weights(lags * lags, 0.0);
      for (std::size_t u = 0; u < lags; ++u) {
        weights[t * lags + u] += c[u];
        weights[u * lags + t] += c[u];
      }
      images.push_back(transformed(weights));
    }
    for (std::size_t t = 0; t < lags; ++t) {
      for (std::size_t u = 0; u < lags; ++u) {
        // By symmetry the trace of ⟨t, u⟩ is that of ⟨u, t⟩.
        const double both = 2 * trace(t, u);
        sums[t] -= 0.5 * c[u] * both;
        sums[lags + t * lags + u] -= 0.5 * (both - inner(images[t], images[u]));
      }
    }
    begin = end;
  }
  state.comm->sum(std::span<double>(sums));
  for (std::size_t t = 0; t < lags; ++t) {
    value.gradient[t] += sums[t];
    for (std::size_t u = 0; u <= t && !value.hessian.empty(); ++u) {
      value.hessian[t * lags + u] += sums[lags + t * lags + u];
      if (u < t) value.hessian[u * lags + t] += sums[lags + t * lags + u];
    }
  }
}

}  // namespace kronwerk::models
