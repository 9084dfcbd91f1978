#pragma once

#include <functional>

#include "kronwerk/communication/communicator.hpp"

namespace kronwerk::application {

/// From now on SIGTERM and the first SIGINT only raise a flag; a second SIGINT ends the process.
void catch_termination();

/// Whether one of them reached this rank, or another rank said so. Local.
bool termination_requested() noexcept;

/// As if the signal had reached this rank. Local.
void request_termination(int signal) noexcept;

/// The signal; 0 if there was none. Local.
int termination_signal() noexcept;

/// @throws Terminated if termination_requested(). Local.
void throw_if_terminated();

/// @throws Terminated on every rank if a signal has reached any. Collective.
void check_termination(const communication::Communicator& comm);

/// For tests, which end jobs at any of the moments that a signal could: called by every rank at the
/// beginning of check_termination().
void observe_termination_checks(std::function<void()> observer);
/// For tests, which go on after a job that was ended. Local.
void forget_termination() noexcept;

}  // namespace kronwerk::application
