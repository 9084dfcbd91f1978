#pragma once

#include <optional>
#include <string>

#include "kronwerk/communication/communicator.hpp"

namespace kronwerk::communication {

/// Which of the nodes that KRONWERK_TEST_NODES pretends (first one 0) a rank of the job is on; for
/// tests only.
/// @param text  ranks per node in the order of their numbers: "2+1"
/// @param rank, ranks  of the whole job
/// @throws ConfigurationError unless the text is a sum of positive numbers that is `ranks`
int pretended_node(const std::string& text, int rank, int ranks);

/// The same for the calling process by rank 0's environment; none if that does not pretend any.
/// Collective on comm, whose ranks may be part of the job.
std::optional<int> pretended_node(MPI_Comm comm);

}  // namespace kronwerk::communication
