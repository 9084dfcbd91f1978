#pragma once

#include <vector>

#include "kronwerk/models/covariance/covariance.hpp"

namespace kronwerk::models {

/// M = (K⁻¹)_mm as a dense matrix and its Cholesky factor L, on every rank: M⁻¹ = L⁻ᵀL⁻¹, so that
/// with the columns c_j of L⁻ᵀ, spread over the grid, and u_j = K⁻¹c_j
///   (K⁻¹)_·m M⁻¹ (K⁻¹)_m· = Σ_j u_j u_jᵀ.
class DenseMissing {
 public:
  /// m solves over the grid and m³/3 flops. Collective.
  /// @param cells  flat indices of the missing cells, ascending
  /// @throws DataError if M is not positive definite to working precision
  DenseMissing(const Covariance& covariance, std::vector<Index> cells);

  double log_determinant() const noexcept { return log_determinant_; }
  /// Σ_j u_jᵀ ∂K u_j. Collective.
  std::vector<double> traces(const std::vector<CovarianceDerivative>& derivatives);
  /// variance += Σ_j (C u_j)². Collective.
  /// @param points  layout of the variance
  void add_variance(std::span<const ScaledProduct> cross, const Layout& points,
                    std::span<double> variance);

 private:
  Index count() const noexcept { return std::ssize(cells_); }
  Index batch_size() const;
  /// Entries of L⁻¹ from row `first` on, spread over as many fields: c_first, c_first+1, …
  void spread_rows(Index first, Index fields, const Layout& layout, std::span<double> block) const;

  const Covariance* covariance_;
  std::vector<Index> cells_;
  std::vector<double> inverse_factor_;  ///< L⁻¹: lower triangle, row-major
  double log_determinant_ = 0;
};

}  // namespace kronwerk::models
