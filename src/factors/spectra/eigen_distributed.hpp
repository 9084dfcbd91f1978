#pragma once

#include <span>
#include <string>

#include "factors/base/node_leaders.hpp"
#include "factors/base/process_grid.hpp"
#include "factors/spectra/eigen_local.hpp"

namespace kronwerk::factors {

/// The block of block-cyclic matrices: a compromise of BLAS's efficiency and an even load.
inline constexpr int distribution_block = 32;

// One decomposition by all ranks: of symmetric matrices and pairs. There is none of general
// matrices: ScaLAPACK's QR iteration (pdhseqr of 2.2.1) writes beyond its arrays or hangs, in a
// program of its own too. Matrices are in node-shared memory and hold the same on every node; every
// rank reads its part there and writes its part of the result there. Collective on comm. @throws
// DataError if the method does not converge

/// As symmetric_eigen(), by ELPA (Marek et al. 2014): eigenvalues alone in two stages, with vectors
/// in one. Built without ELPA: by ScaLAPACK's divide and conquer.
Spectrum distributed_symmetric_eigen(const communication::Communicator& comm,
                                     const NodeLeaders& leaders, Index n, double* matrix,
                                     bool vectors, const std::string& name,
                                     int block = distribution_block);

/// As pair_eigen(), by ScaLAPACK and solve_symmetric(); `partner` is destroyed.
Spectrum distributed_pair_eigen(const communication::Communicator& comm, const NodeLeaders& leaders,
                                Index n, double* matrix, double* partner, bool vectors,
                                const std::string& name, const std::string& partner_name,
                                int block = distribution_block);

/// On the grid's members: eigenvalues, and eigenvectors unless null; destroys `a`. Collective on
/// the members. Returns what went wrong, or "".
std::string solve_symmetric(const ProcessGrid& grid, Index n, BlockCyclic& a,
                            std::span<double> eigenvalues, BlockCyclic* vectors);

}  // namespace kronwerk::factors
