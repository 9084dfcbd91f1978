#pragma once

namespace kronwerk::application {

/// The program: starts MPI, reads the command line, runs it, and ends MPI. Collective on all ranks
/// of the job.
/// @return the exit code of design section 5, the same on every rank
int run(int argc, char** argv);

}  // namespace kronwerk::application
