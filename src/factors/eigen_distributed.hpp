#pragma once

#include <string>

#include "factors/eigen_local.hpp"
#include "factors/node_leaders.hpp"

namespace kronwerk::factors {

/// The block of block-cyclic matrices: a compromise of BLAS's efficiency and an even load.
inline constexpr int distribution_block = 64;

// One decomposition by all ranks. Matrices are in node-shared memory and hold the same on every
// node; every rank reads its part there and writes its part of the result there. Collective on
// comm. @throws DataError if the method does not converge

/// As symmetric_eigen(), by ELPA (Marek et al. 2014) in one stage.
Spectrum distributed_symmetric_eigen(const communication::Communicator& comm,
                                     const NodeLeaders& leaders, Index n, double* matrix,
                                     bool vectors, const std::string& name,
                                     int block = distribution_block);

}  // namespace kronwerk::factors
