#pragma once

#include "application/report/report.hpp"
#include "kronwerk/communication/communicator.hpp"

namespace kronwerk::application {

/// What `kronwerk` does once MPI is up: reads the command line and runs it. PETSc is begun and
/// ended within. Collective.
/// @param failures  of the same ranks, used for nothing else: see agree_on_outcome()
/// @param clock     of the process
/// @return the exit code, the same on every rank; errors are printed once
int run_command(const communication::Communicator& comm,
                const communication::Communicator& failures, int argc, char** argv,
                const JobClock& clock);

}  // namespace kronwerk::application
