#pragma once

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/factors/spectra/bases.hpp"

namespace kronwerk::models {

/// V with V Vᵀ = K⁻¹ as a sparse matrix, for K = inv(A) with a sparse A (its Cholesky factor) and
/// K = inv(A'*A) (A'); null for other matrices. Collective. @throws DataError if A is not symmetric
/// positive definite, or singular
factors::BasisPtr sparse_basis(const communication::Communicator& comm,
                               const factors::Chain& chain);

}  // namespace kronwerk::models
