#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/factors/spectra/bases.hpp"
#include "kronwerk/operators/products/product_sum.hpp"
#include "kronwerk/operators/spectral/spectral_operator.hpp"

namespace kronwerk::models {

using core::Extents;
using core::Index;
using distribution::Layout;
using operators::OperatorPtr;
using operators::ScaledProduct;
using operators::Workspace;

/// scale * (Σ_r P_r)⁻¹ with products P_r: a precision that is a sum, such as a Kronecker sum. Its
/// factors are symmetric; the sum has to be positive definite, the factors have not.
struct InverseOfSum {
  double scale = 1;
  std::vector<ScaledProduct> sum;
};

/// K = Σ_t signal_t + Σ inverses + noise: what a Gaussian field over a grid is made of, and what is
/// measured with it. Chains stand for symmetric positive semi-definite matrices, one per mode and
/// term:
///   one factor              a covariance matrix (identity and diagonal ones cost nothing);
///   {L, Lᵀ}                 a Cholesky factor L (lower triangular), taken as given;
///   {Q, diag(λ), Qᵀ}        eigenvectors and eigenvalues, taken as given.
struct CovarianceTerms {
  std::vector<ScaledProduct> signal;
  /// σ² I, or σ² ⊗ D_k with diagonal D_k.
  std::optional<ScaledProduct> noise;
  /// Part of the field, as the signal is.
  std::vector<InverseOfSum> inverses{};

  Extents extents() const;
};

/// ∂K/∂θ: Σ products + Σ_j (scale_j S_j⁻¹ − s_j S_j⁻¹ (∂S_j) S_j⁻¹) over the covariance's inverses
/// s_j S_j⁻¹.
struct CovarianceDerivative {
  struct OfInverse {
    double scale = 0;                ///< ∂s_j
    std::vector<ScaledProduct> sum;  ///< ∂S_j
  };
  CovarianceDerivative() = default;
  CovarianceDerivative(std::vector<ScaledProduct> without_inverses)  // NOLINT: what most have
      : products(std::move(without_inverses)) {}
  CovarianceDerivative(std::initializer_list<ScaledProduct> without_inverses)
      : products(without_inverses) {}

  std::vector<ScaledProduct> products;
  /// Empty, or one for each of CovarianceTerms::inverses.
  std::vector<OfInverse> inverses;
};

class OnesCore;
class OnesUpdate;
struct SplitTerms;

/// The bases that a covariance uses, kept for the next one with the same factors: with only the
/// scales changed there is no new decomposition. Factors are the same if they are the same objects.
class BasisCache {
 public:
  /// What was found for one mode.
  struct Entry {
    factors::Chain matrix;
    std::optional<factors::Chain> partner;
    bool cholesky = false;
    factors::BasisPtr basis;
    /// Of a pair in sums that are inverted: that in which the inverse's matrices are diagonal.
    factors::BasisPtr dual{};
    /// Whether the matrices must be positive semi-definite, as those of covariances are.
    bool semidefinite = true;
  };
  const Entry* find(const Entry& wanted) const;
  /// The basis of ones, or of an identity, of this size; null if there is none.
  factors::BasisPtr find_reflection(const factors::Chain& matrix) const;
  /// The dense core of the same terms of ones, whatever noise is beside them; null if there is
  /// none.
  std::shared_ptr<const OnesCore> find_core(const std::vector<ScaledProduct>& signal) const;
  /// Keeps these and forgets the rest.
  void keep(std::vector<Entry> entries) {
    entries_ = std::move(entries);
    core_.reset();
  }
  void keep_core(std::vector<ScaledProduct> signal, std::shared_ptr<const OnesCore> core) {
    core_terms_ = std::move(signal);
    core_ = std::move(core);
  }

 private:
  std::vector<Entry> entries_;
  std::vector<ScaledProduct> core_terms_;
  std::shared_ptr<const OnesCore> core_;
};

/// A covariance in coordinates in which it is diagonal: with V = ⊗V_k, VᵀKV = diag(e) and
/// K⁻¹ = V diag(1/e) Vᵀ. V_k are the eigenvectors of the mode's factor; with Kronecker-diagonal
/// noise, or two different factors in a mode, those of the pair (V_kᵀ A_k V_k = Λ_k and V_kᵀ B_k
/// V_k = I); of one product without noise L_k⁻ᵀ with the Cholesky factors L_k, where e is 1. So V
/// is orthogonal in the first case only. Beside products, inverses of sums take an orthogonal V:
/// a mode has powers of one matrix beside identities. Inverses of sums alone may have pairs: of
/// U_kᵀ A_k U_k = Λ_k and U_kᵀ B_k U_k = I is V_k = U_k⁻ᵀ = B_k U_k, and K = U diag(e) Uᵀ.
///
/// With terms of ones beside others there are two ways, of which estimate_ones() chooses; wherever
/// 1/e stands below, the inverse of VᵀKV is meant. With a core() (see OnesCore) V is orthogonal and
/// VᵀKV = σ² I but for a dense block on few coordinates; then spectrum() has σ² alone. With an
/// update() (see OnesUpdate) VᵀKV = diag(e) + U T Tᵀ Uᵀ, e that of the terms without ones.
///
/// spectrum().bases[k] has V_kᵀ as to_basis and V_k as from_basis in every case; matrix_bases()[k]
/// has those of the terms' matrices: V_k, or U_k.
class Covariance {
 public:
  /// Finds what the cache does not hold. Collective on comm, which must outlive the covariance.
  /// @throws ShapeError if the terms differ in shape; ConfigurationError if their factors are not
  /// diagonal in common bases and the core of those with ones is too large; DataError for a
  /// negative scale, a factor that is not symmetric or not positive semi-definite beyond rounding
  /// (with its name and smallest eigenvalue), an inverse of a sum that is not positive definite,
  /// and a K that is singular: on every rank
  Covariance(const communication::Communicator& comm, std::shared_ptr<Workspace> workspace,
             CovarianceTerms terms, BasisCache& cache);
  Covariance(const communication::Communicator& comm, std::shared_ptr<Workspace> workspace,
             CovarianceTerms terms);

  const communication::Communicator& comm() const noexcept { return *comm_; }
  const std::shared_ptr<Workspace>& workspace() const noexcept { return workspace_; }
  const CovarianceTerms& terms() const noexcept { return terms_; }
  const Extents& extents() const noexcept { return extents_; }
  Index size() const noexcept { return size_; }
  const operators::SpectralSum& spectrum() const noexcept { return spectrum_; }
  const std::vector<factors::BasisPtr>& matrix_bases() const noexcept { return matrix_bases_; }
  /// Null but for terms of ones; both if VᵀKV is diagonal.
  const OnesCore* core() const noexcept { return core_.get(); }
  const OnesUpdate* update() const noexcept { return update_.get(); }
  bool diagonal() const noexcept { return core_ == nullptr && update_ == nullptr; }
  /// "Cholesky factors (1000 x 1000)" or what the bases say, for reports.
  const std::string& description() const noexcept { return description_; }

  /// The home layout of `batch` vectors over the grid: all operators below take and give it. It
  /// depends on the extents, on which modes have identities only, on batch and np.
  Layout layout(Index batch = 1) const;
  /// K, and K without noise. What inverses of sums give is refined by the sums themselves.
  /// Collective.
  OperatorPtr forward(Index batch = 1) const;
  OperatorPtr signal(Index batch = 1) const;
  /// K⁻¹. Collective.
  OperatorPtr inverse(Index batch = 1) const;
  /// R with RRᵀ = K where the coordinates are orthogonal, then symmetric, or K has inverses of sums
  /// only; and that of one of its inverses of sums. Not with an update(). Collective.
  OperatorPtr root(Index batch, int leading_modes) const;
  OperatorPtr root_of_inverse(std::size_t inverse, Index batch, int leading_modes) const;
  /// ∂K; null if it has no terms. Collective.
  OperatorPtr derivative(const CovarianceDerivative& derivative) const;
  /// Vᵀ (to coordinates in which K is diagonal) and V. Collective.
  OperatorPtr to_basis(Index batch = 1) const;
  OperatorPtr from_basis(Index batch = 1) const;
  /// V, or U: from the coordinates of the terms' matrices. Collective.
  OperatorPtr from_matrix_basis(Index batch = 1) const;

  /// log|K|.
  double log_determinant() const noexcept { return log_determinant_; }
  /// The smallest and largest e.
  double smallest() const noexcept { return smallest_; }
  double largest() const noexcept { return largest_; }
  /// tr(K⁻¹ ∂K). Not with an update(). Collective.
  double trace_of_inverse(std::span<const ScaledProduct> derivative) const;

  /// S_j = Σ_r P_r of an inverse, in the coordinates.
  operators::SpectralSum spectrum_of_sum(std::size_t inverse) const;
  /// The diagonal of V_kᵀ A V_k, or U_kᵀ A U_k, if that matrix is diagonal by construction (A is a
  /// matrix of this mode, or an identity); empty for ones, absent if A is something else. Local.
  std::optional<std::vector<double>> diagonal_in_basis(std::size_t mode,
                                                       const factors::Chain& matrix) const;

  /// x ← diag(1/e) x, and diag(1/√e) x, for this rank's home block of layout(batch). With an
  /// update(), the second has X with XXᵀ = (VᵀKV)⁻¹. Collective.
  void divide(Index batch, std::span<double> x) const;
  void divide_by_root(Index batch, std::span<double> x) const;

 private:
  void find_bases(BasisCache& cache, const SplitTerms& split);
  void find_spectrum(const std::vector<ScaledProduct>& terms);
  void find_core(BasisCache& cache);
  void add_update(const std::vector<ScaledProduct>& with_ones);
  OperatorPtr through_core(Index batch, int leading_modes, double (*function)(double)) const;
  operators::SpectralTerm spectral_term(const ScaledProduct& product) const;
  OperatorPtr root_of(operators::SpectralSum spectrum, Index batch, int leading_modes) const;
  OperatorPtr sum_of(std::vector<ScaledProduct> products, Index batch) const;
  OperatorPtr from(const std::vector<factors::BasisPtr>& bases, Index batch,
                   int leading_modes) const;
  OperatorPtr sum_with_inverses(const std::vector<ScaledProduct>& products, Index batch) const;
  int leading_modes(Index batch) const;

  const communication::Communicator* comm_;
  std::shared_ptr<Workspace> workspace_;
  CovarianceTerms terms_;
  Extents extents_;
  Index size_ = 1;
  operators::SpectralSum spectrum_;
  std::vector<factors::BasisPtr> matrix_bases_;
  /// Per mode the matrix A and, of a pair, B.
  std::vector<factors::BasisRequest> matrices_;
  /// Modes whose matrix has been seen to be positive semi-definite.
  std::vector<bool> semidefinite_;
  std::shared_ptr<const OnesCore> core_;
  std::shared_ptr<const OnesUpdate> update_;
  std::string description_;
  double log_determinant_ = 0;
  double smallest_ = 0;
  double largest_ = 0;
};

}  // namespace kronwerk::models
