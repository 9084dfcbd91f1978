#pragma once

#include <memory>
#include <span>
#include <vector>

#include "kronwerk/factors/base/factor.hpp"
#include "kronwerk/models/covariance/covariance.hpp"
#include "models/covariance/basis_matrices.hpp"
#include "models/ones/ones_columns.hpp"

namespace kronwerk::models {

/// K = D + terms with matrices of ones J beside others, where D, the noise and the terms without,
/// is diagonal in coordinates V, as K_s ⊗ K_t + σ² I is beside K_s ⊗ J + J ⊗ K_t: VᵀKV = diag(e) +
/// U T Tᵀ Uᵀ with the columns U of the ones (see OnesColumns), r of them, and a root T of what
/// stands beside the ones (diagonal where V makes that diagonal too). By Woodbury's formula (1950)
/// everything follows from the r x r matrix A = I + TᵀUᵀ diag(1/e) U T = C Cᵀ.
class OnesUpdate {
 public:
  /// O(N + r³) flops; A and its factor once per node. Collective.
  /// @param covariance  whose bases and spectrum are those of D
  /// @param products    the terms with ones
  /// @throws DataError if K is singular to working precision
  OnesUpdate(const Covariance& covariance, const std::vector<ScaledProduct>& products);

  /// r.
  Index size() const noexcept { return columns_.size(); }
  const OnesColumns& columns() const noexcept { return columns_; }
  /// log|A|: what the terms add to the log determinant of D.
  double log_determinant() const noexcept { return log_determinant_; }
  /// A bound of the largest eigenvalue of the terms with ones.
  double largest() const noexcept { return largest_; }
  /// C, (r, r), lower, row-major, in the node's memory.
  std::span<const double> factor() const;
  /// T A⁻¹ Tᵀ, made when it is first asked for. Collective.
  std::span<const double> posterior() const;
  /// x T and x Tᵀ for rows x. Local.
  void multiply_rows(Index count, const double* x, bool transposed, double* out) const;
  /// x T⁻ᵀ, 0 where T is 0 to rounding. Local.
  void divide_rows(Index count, const double* x, double* out) const;

  /// x ← (VᵀKV)⁻¹ x, refined once, for this rank's flat indices from `first` on of a batch.
  /// Collective.
  void divide(Index first, Index batch, std::span<double> x) const;
  /// x ← X x with X Xᵀ = (VᵀKV)⁻¹. Collective.
  void divide_by_root(Index first, Index batch, std::span<double> x) const;

  /// Adds this rank's part of Σ_i ½ α_iᵀ(∂K)α_i − ½ d tr(K⁻¹∂K) for several ∂K that are
  /// products with ones (see ones_of()). Collective.
  /// @param weights       α̃ of the observations, from the flat index `first` on
  /// @param determinants  d
  void add_gradient(const Covariance& covariance, BasisMatrices& matrices, Index first,
                    Index observations, Index determinants, std::span<const double> weights,
                    const std::vector<std::vector<ScaledProduct>>& derivatives,
                    std::span<double> gradient) const;

 private:
  /// T of a set: vectors diag(roots), without vectors diag(roots).
  struct Root {
    std::vector<double> roots;
    factors::FactorPtr vectors;
  };
  Root root_of(const Covariance& covariance, BasisMatrices& matrices,
               const std::vector<ScaledProduct>& products, const OnesColumns::Set& set) const;
  factors::FactorPtr congruent(const factors::FactorPtr& matrix, bool transposed) const;
  void factorise();
  void divide_once(Index first, Index batch, std::span<double> x) const;
  template <typename Work>
  void on_rows(Index batch, std::span<double> sums, const Work& work) const;
  void add_set(const Covariance& covariance, BasisMatrices& matrices, const std::vector<bool>& ones,
               Index first, Index observations, Index determinants, std::span<const double> weights,
               const std::vector<std::vector<ScaledProduct>>& derivatives,
               std::span<double> gradient) const;

  const communication::Communicator* comm_;
  OnesColumns columns_;
  std::vector<Root> roots_;
  factors::FactorPtr factor_;
  mutable factors::FactorPtr posterior_;
  double log_determinant_ = 0;
  double largest_ = 0;
};

}  // namespace kronwerk::models
