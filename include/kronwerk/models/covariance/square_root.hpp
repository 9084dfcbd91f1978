#pragma once

#include <vector>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/factors/base/chain.hpp"

namespace kronwerk::models {

/// S with S Sᵀ = C for covariance matrices: L of {L, Lᵀ}, Q √λ of {Q, diag(λ), Qᵀ}, inverses of
/// sparse factors of inverses of sparse matrices, the Cholesky factor where C is well conditioned,
/// and otherwise that with complete pivoting, which may have fewer columns than rows. Computed once
/// per node, the same for every np. Collective.
/// @throws DataError if a matrix is not positive semi-definite beyond rounding
std::vector<factors::Chain> square_roots(const communication::Communicator& comm,
                                         const std::vector<factors::Chain>& matrices);

}  // namespace kronwerk::models
