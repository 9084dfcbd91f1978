#pragma once

#include "factors/dense/dense_factor.hpp"

namespace kronwerk::factors {

/// What begin_dense_factorisation(…)->store() writes, computed by all ranks (ScaLAPACK) in
/// block-cyclic parts of the matrix; once per node. Collective on comm.
/// @throws DataError if the factor is singular, ResourceError if memory is short
communication::SharedArray<std::byte> factorise_distributed(const communication::Communicator& comm,
                                                            const DenseFactor& factor,
                                                            int block = 64);

}  // namespace kronwerk::factors
