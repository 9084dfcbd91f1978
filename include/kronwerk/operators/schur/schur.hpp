#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "kronwerk/factors/spectra/bases.hpp"
#include "kronwerk/operators/base/linear_operator.hpp"
#include "kronwerk/operators/products/kronecker_product.hpp"

namespace kronwerk::operators {

/// Σ_{l,r} c_lr T_l ⊗ T_r with upper quasi-triangular matrices, K = 2: each mode's matrices are
/// polynomials in one A_k = Q_k T_k Q_kᵀ (Bartels and Stewart 1972), or combinations of a pair
/// A_k = Q_k S_k Z_kᵀ, B_k = Q_k T_k Z_kᵀ (Gardiner, Laub, Amato and Moler 1992).
struct SchurSum {
  /// Of kind schur or generalised_schur, or any other with real Λ.
  std::array<factors::BasisPtr, 2> bases;
  struct Term {
    double coefficient = 1;
    /// Dense, upper quasi-triangular: p(T_k), or x S_k + y T_k; null: the identity.
    std::array<factors::FactorPtr, 2> matrices;
  };
  std::vector<Term> terms;
};

/// Op⁻¹ for K = 2 in the bases: Σ c_lr L_l Y R_rᵀ = B by blocked back-substitution with pivoting
/// in the blocks of pairs (backward stable whatever the eigenvalues are), in real arithmetic, with
/// columns of Y spread over the ranks that follow each other panel by panel. O(n_1 n_2 (n_1 + n_2)
/// / P) flops per rank; one further block of N/P values as work memory. The matrices are copied
/// once per node, and again when the transpose is first applied.
///
/// Collective. @param batch  vectors at once: a further leading mode if > 1
/// @param leading_modes  at most 1, of a batch at most 2; fewer: every rank solves the whole
/// vectors that it owns
/// @throws DataError if singular to working precision, naming the eigenvalues; ShapeError if a
/// matrix is not upper quasi-triangular with the blocks of its basis
OperatorPtr make_schur_inverse(const communication::Communicator& comm,
                               std::shared_ptr<Workspace> workspace, const SchurSum& sum,
                               Index batch = 1, std::optional<int> leading_modes = std::nullopt);

}  // namespace kronwerk::operators
