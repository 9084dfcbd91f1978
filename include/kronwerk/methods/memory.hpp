#pragma once

#include <optional>
#include <string>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/methods/method.hpp"

namespace kronwerk::methods {

/// Resident size of a rank with MPI, PETSc, HDF5 and BLAS loaded, and the kernels' panels.
inline constexpr double base_bytes_per_rank = 150e6;

/// What a job needs in memory, for one choice of ranks and nodes.
struct MemoryNeeds {
  double vector_bytes_per_rank = 0;  ///< all blocks of vectors, the exchange's included
  double factor_bytes_per_node = 0;  ///< matrices and factorisations, estimated
  double base_bytes_per_rank = 0;    ///< the program and its libraries
  core::Index batch = 1;             ///< right-hand sides per block
  std::optional<MethodKind> method;  ///< of a solve
  int ranks = 1;
  int nodes = 1;
  int ranks_here = 0;  ///< on the node in question, where that is known

  /// As if the ranks were spread evenly, unless it is known better.
  int ranks_per_node() const { return ranks_here > 0 ? ranks_here : (ranks + nodes - 1) / nodes; }
  double bytes_per_rank() const { return vector_bytes_per_rank + base_bytes_per_rank; }
  double bytes_per_node() const {
    return bytes_per_rank() * ranks_per_node() + factor_bytes_per_node;
  }
};

/// What the machine has for the ranks of one node.
struct MemoryLimits {
  double bytes = 0;         ///< free memory, or what the control group leaves
  double shared_bytes = 0;  ///< free in /dev/shm
};
MemoryLimits read_memory_limits();

/// "needs … per rank and … per node; …", or "" if it fits.
std::string explain_shortage(const MemoryNeeds& needs, const MemoryLimits& limits);

/// @throws ResourceError on every rank if a node is too small. Collective.
void check_memory(const communication::Communicator& comm, MemoryNeeds needs);

}  // namespace kronwerk::methods
