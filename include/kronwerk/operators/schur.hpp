#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "kronwerk/factors/spectrum.hpp"
#include "kronwerk/operators/kronecker_product.hpp"
#include "kronwerk/operators/linear_operator.hpp"

namespace kronwerk::operators {

/// Σ_{l,r} c_lr T_l ⊗ T_r with upper quasi-triangular matrices, K = 2: each mode's matrices are
/// polynomials in one A_k = Q_k T_k Q_kᵀ (Bartels and Stewart 1972, blocked, pipelined over ranks).
struct SchurSum {
  std::array<factors::BasisPtr, 2> bases;  ///< of kind schur (or any other with real Λ)
  struct Term {
    double coefficient = 1;
    /// Dense upper quasi-triangular p(T_k); null: the identity.
    std::array<factors::FactorPtr, 2> matrices;
  };
  std::vector<Term> terms;
};

/// Op⁻¹ for K = 2. Collective. @throws DataError if singular, naming the eigenvalues
OperatorPtr make_schur_inverse(const communication::Communicator& comm,
                               std::shared_ptr<Workspace> workspace, const SchurSum& sum,
                               Index batch = 1, std::optional<int> leading_modes = std::nullopt);

}  // namespace kronwerk::operators
