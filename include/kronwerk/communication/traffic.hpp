#pragma once

#include <cstdint>

namespace kronwerk::communication {

/// What this process has handed to MPI since it began, by its own calls and by those of libraries
/// in C (Fortran's go past it), and what ranks of a node have copied from each other's memory.
///
/// MPI calls are counted in programs that link kronwerk_counted_mpi, which defines them anew on top
/// of MPI's profiling interface; in others those numbers stay 0. Calls among one rank are none.
struct Traffic {
  std::int64_t messages = 0;             ///< sent, one by one, to other ranks
  std::int64_t message_bytes = 0;        ///< in them, and in this rank's part of collectives
  std::int64_t collectives = 0;          ///< calls that all ranks of a communicator make
  std::int64_t shared_bytes = 0;         ///< moved to or from the memory of other ranks of the node
  std::int64_t waiting_nanoseconds = 0;  ///< in calls that return when other ranks have come
};

/// Of this process. Only the thread that communicates may change or read it.
Traffic& traffic() noexcept;

}  // namespace kronwerk::communication
