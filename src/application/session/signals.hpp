#pragma once

#include "kronwerk/communication/communicator.hpp"

namespace kronwerk::application {

/// From now on SIGTERM only raises a flag.
void catch_termination();

/// Whether SIGTERM reached this rank. Local.
bool termination_requested() noexcept;

/// @throws Terminated on every rank if SIGTERM has reached any. Collective.
void check_termination(const communication::Communicator& comm);

}  // namespace kronwerk::application
