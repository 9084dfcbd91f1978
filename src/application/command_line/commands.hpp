#pragma once

#include "application/command_line/command_line.hpp"
#include "application/report/report.hpp"
#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/configuration/job.hpp"

namespace kronwerk::application {

/// Reads the configuration on rank 0 and validates it on every rank. Collective.
configuration::Job load_job(const communication::Communicator& comm, const CommandLine& line);

/// `kronwerk run`: PETSc must be up. Collective. @throws ConvergenceError after the result is
/// written
/// @param clock  of the process, if it has done nothing else yet
void run_job(const communication::Communicator& comm, const configuration::Job& job, bool quiet,
             JobClock clock = {});

/// `kronwerk plan`: says what the job would take, from metadata alone. Collective.
void plan_job(const communication::Communicator& comm, const configuration::Job& job,
              const CommandLine& line);

/// `kronwerk measure`: writes a machine file, or prints it. Collective.
/// @param clock  of the process
void measure_machine(const communication::Communicator& comm, const CommandLine& line,
                     const JobClock& clock);

/// `kronwerk check`: a self-test of the installation, a line for each part. PETSc must be up.
/// Collective.
/// @param failures  used for nothing else, see agree_on_outcome()
/// @throws InternalError if a part failed
void check_installation(const communication::Communicator& comm,
                        const communication::Communicator& failures, const CommandLine& line);

}  // namespace kronwerk::application
