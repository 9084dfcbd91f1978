#pragma once

#include <functional>
#include <string>
#include <vector>

#include "kronwerk/communication/communicator.hpp"

namespace kronwerk::application {

/// MPI from construction to destruction.
class MpiSession {
 public:
  MpiSession(int* argc, char*** argv);
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;
  ~MpiSession();
};

/// PETSc from construction to destruction; sees these options and the environment, but neither our
/// command line nor the user's .petscrc. Collective.
class PetscSession {
 public:
  /// @throws ConfigurationError if PETSc refuses the options
  explicit PetscSession(std::vector<std::string> options);
  PetscSession(const PetscSession&) = delete;
  PetscSession& operator=(const PetscSession&) = delete;
  ~PetscSession();
};

/// How a job ended.
struct Outcome {
  int code = 0;         ///< the exit code, the same on every rank
  std::string message;  ///< of the error, on the lowest rank that has one; empty on all others
};

/// Runs `work` and agrees on how it ended. If some ranks fail while others do not come to this
/// point in time, nothing can be agreed on, and the job is aborted with a message. Collective.
/// @param failures  used for nothing else, so that ranks that wait elsewhere do not mix with it
Outcome agree_on_outcome(const communication::Communicator& failures,
                         const std::function<void()>& work);

/// The same, and the error is printed once, by the lowest rank that has one. Collective.
int agree_on_exit_code(const communication::Communicator& failures,
                       const std::function<void()>& work);

}  // namespace kronwerk::application
