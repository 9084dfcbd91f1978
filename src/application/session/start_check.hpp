#pragma once

#include <functional>
#include <string>

#include "kronwerk/communication/communicator.hpp"

namespace kronwerk::application {

/// Looks up an environment variable; null if it is not set.
using Environment = std::function<const char*(const char*)>;

/// What the launcher of another MPI than ours did: it started several copies, each of which is
/// alone.
struct ForeignStart {
  std::string message;  ///< "" if nothing is wrong
  bool first = true;    ///< of the copies: the one that prints
};

/// Compares the number of ranks that launchers (Open MPI's mpirun, those that speak PMI, a step of
/// Slurm) say they started with MPI's. An allocation of Slurm's is no start. Local.
/// @param ranks  of MPI_COMM_WORLD
ForeignStart find_foreign_start(int ranks, const Environment& environment);

/// Every rank runs the same program. Collective.
/// @param own  what tells programs apart, line by line; what differs is shown
/// @throws ConfigurationError on every rank, naming hosts and what they run
void check_same_program(const communication::Communicator& comm, const std::string& own);

}  // namespace kronwerk::application
