#pragma once

#include <cblas.h>

#include <vector>

#include "factors/base/lapack.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/models/flow_missing/missing_flows.hpp"
#include "models/flow_missing/missing_gram.hpp"

namespace kronwerk::models {

/// L of G = L Lᵀ, row-major, lower triangle.
inline std::vector<double> cholesky(std::vector<double> matrix, Index n) {
  const int size = core::narrow<int>(n);
  int info = 0;
  if (n > 0) dpotrf_("U", &size, matrix.data(), &size, &info, 1);
  if (info != 0) {
    throw core::DataError(
        "the filter at the missing flows is singular to working precision at these parameters");
  }
  return matrix;
}

/// X = L⁻¹ X or L⁻ᵀ X for an (n, columns) X.
inline void solve_lower(const std::vector<double>& factor, Index n, Index columns, bool transposed,
                        double* x) {
  if (n == 0 || columns == 0) return;
  cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, transposed ? CblasTrans : CblasNoTrans,
              CblasNonUnit, core::narrow<int>(n), core::narrow<int>(columns), 1.0, factor.data(),
              core::narrow<int>(n), x, core::narrow<int>(columns));
}

struct MissingFlows::State {
  const communication::Communicator* comm = nullptr;
  MissingGram gram;
  std::size_t lags = 0;        ///< T
  std::size_t regressors = 0;  ///< p S
  std::vector<double> with_y;  ///< (m, T, T): ⟨E_mt, L_u⟩
  std::vector<double> with_z;  ///< (m, T, p S): ⟨E_mt, Z_js⟩

  double y(Index m, std::size_t t, std::size_t u) const {
    return with_y[(static_cast<std::size_t>(m) * lags + t) * lags + u];
  }
  double z(Index m, std::size_t t, std::size_t r) const {
    return with_z[(static_cast<std::size_t>(m) * lags + t) * regressors + r];
  }

  /// Σ_tu weight_tu ⟨E_mt, E_m'u⟩ of the cells [begin, end) of one year, row-major.
  std::vector<double> weighted(std::span<const double> weights, Index begin, Index end) const {
    const Index n = end - begin;
    std::vector<double> result(static_cast<std::size_t>(n * n));
    for (Index a = 0; a < n; ++a) {
      for (Index b = 0; b <= a; ++b) {
        double value = 0;
        for (std::size_t t = 0; t < lags; ++t) {
          for (std::size_t u = 0; u < lags; ++u) {
            const double weight = weights[t * lags + u];
            if (weight != 0) value += weight * gram(t, u, begin + a, begin + b);
          }
        }
        result[static_cast<std::size_t>(a * n + b)] = value;
        result[static_cast<std::size_t>(b * n + a)] = value;
      }
    }
    return result;
  }
  /// A_mᵀA_m of a year, factorised.
  std::vector<double> factor(std::span<const double> c, Index begin, Index end) const {
    std::vector<double> weights(lags * lags);
    for (std::size_t t = 0; t < lags; ++t) {
      for (std::size_t u = 0; u < lags; ++u) weights[t * lags + u] = c[t] * c[u];
    }
    return cholesky(weighted(weights, begin, end), end - begin);
  }
  /// (A_mᵀA_m)⁻¹ X for an (m, columns) X.
  void solve(std::span<const double> c, Index columns, std::vector<double>& x) const {
    for (Index begin = 0; begin < gram.size();) {
      const Index end = gram.year_of(begin).second;
      const auto lower = factor(c, begin, end);
      double* rows = x.data() + begin * columns;
      solve_lower(lower, end - begin, columns, false, rows);
      solve_lower(lower, end - begin, columns, true, rows);
      begin = end;
    }
  }
};

}  // namespace kronwerk::models
