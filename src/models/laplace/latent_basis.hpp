#pragma once

#include <memory>
#include <span>
#include <vector>

#include "kronwerk/models/covariance/covariance.hpp"
#include "models/covariance/grid_values.hpp"

namespace kronwerk::models {

/// K = Σ_t s_t ⊗K_t,k = GGᵀ, G = (G_1 … G_T) with G_t = √s_t ⊗G_t,k, so that every G_tᵀW̃G_t is
/// diagonal for W̃ = ⊗diag(w_k): G_k = w_k^-½ Q Λ^½ with the eigenvectors Q and eigenvalues Λ of
/// w_k^½ K_k w_k^½. Eigenvalues that are rounding errors are left out, so that smooth fields have
/// few coordinates. Several terms are one grid with a leading mode for the term.
class LatentBasis {
 public:
  /// Collective. @param weights  w_k, positive
  /// @throws DataError if a factor is not symmetric or not positive semi-definite beyond rounding
  LatentBasis(const communication::Communicator& comm, const std::shared_ptr<Workspace>& workspace,
              const std::vector<ScaledProduct>& signal, std::vector<std::vector<double>> weights,
              int leading_modes);

  /// G, from coordinates to fields.
  const operators::LinearOperator& root() const noexcept { return *root_; }
  /// diag of the G_tᵀW̃G_t.
  const GridValues& spectrum() const noexcept { return *spectrum_; }
  const std::vector<std::vector<double>>& weights() const noexcept { return weights_; }

  std::size_t terms() const noexcept { return factors_.size(); }
  /// s_t ⊗K_t,k.
  const ScaledProduct& product_of(std::size_t term) const { return products_[term]; }
  /// G_t,k for every mode.
  const std::vector<factors::FactorPtr>& factors_of(std::size_t term) const {
    return factors_[term];
  }
  /// diag(G_t,kᵀ w_k G_t,k) for every mode.
  const std::vector<std::vector<double>>& eigenvalues_of(std::size_t term) const {
    return eigenvalues_[term];
  }
  /// Takes the term out of the leading mode that several terms have. Local.
  factors::Chain selector(std::size_t term) const;
  /// The coordinates of one term, zeros for the others: this rank's home block. Local.
  std::vector<double> only(Index term, int rank, std::span<const double> coordinates) const;
  /// 1 / D, D = 1 + the spectrum: this rank's home block. Local.
  std::vector<double> reciprocals(int rank) const;
  double scale_of(std::size_t term) const { return products_[term].scale; }
  /// Lists over the coordinates of one term, as values over all coordinates. Local.
  GridTerm on_term(std::size_t term, GridTerm values) const;
  /// The coordinates of one term alone.
  const Extents& extents() const noexcept { return extents_; }

 private:
  std::vector<std::vector<double>> weights_;
  std::vector<std::vector<factors::FactorPtr>> factors_;  ///< G_t,k
  std::vector<std::vector<std::vector<double>>> eigenvalues_;
  std::vector<ScaledProduct> products_;  ///< those with a scale
  Extents extents_;
  std::unique_ptr<GridValues> spectrum_;
  OperatorPtr root_;
};

}  // namespace kronwerk::models
