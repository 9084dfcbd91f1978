#pragma once

#include <vector>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/factors/base/chain.hpp"

namespace kronwerk::operators {

/// The diagonal of a square chain, on every rank. The columns of the identity that this takes (none
/// for a single factor) are spread over the ranks. Collective.
std::vector<double> chain_diagonal(const communication::Communicator& comm,
                                   const factors::Chain& chain);

/// log|det| and sign of a square chain. Collective: factorises what it needs.
/// @throws ShapeError if the chain is not square
factors::Determinant chain_determinant(const communication::Communicator& comm,
                                       const factors::Chain& chain);

}  // namespace kronwerk::operators
