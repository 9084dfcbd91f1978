#pragma once

#include "kronwerk/factors/chain.hpp"

namespace kronwerk::models {

/// S with S Sᵀ = C for a covariance matrix: L of {L, Lᵀ}, Q √λ of {Q, diag(λ), Qᵀ}, the Cholesky
/// factor where C is well conditioned, and otherwise that with complete pivoting, which may have
/// fewer columns than rows. Computed by one rank per node, the same for every np. Collective.
/// @throws DataError if C is not positive semi-definite beyond rounding
factors::Chain square_root(const communication::Communicator& comm, const factors::Chain& matrix);

}  // namespace kronwerk::models
