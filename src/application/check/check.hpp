#pragma once

#include <string>
#include <vector>

#include "kronwerk/communication/communicator.hpp"

namespace kronwerk::application {

/// One part of the self-test of an installation.
struct Check {
  const char* name;
  /// Does it and says what was found. Collective. @throws core::Error on every rank, or on none
  std::string (*run)(const communication::Communicator& comm, const std::string& folder);
  const char* advice;  ///< what to do if it fails
};

/// All of them, in the order in which they build on each other. They need PETSc.
const std::vector<Check>& all_checks();

/// Runs them, prints a line for each, and returns how many failed. Collective; some seconds.
/// @param failures  used for nothing else, see agree_on_outcome()
/// @param folder  where files of some megabytes are written and removed
/// @throws Terminated
int run_checks(const communication::Communicator& comm, const communication::Communicator& failures,
               const std::string& folder);

/// @throws InternalError with `what` unless it is right
void require(bool right, const std::string& what);

// The checks, each in a file of its own or with those that are alike. See Check::run.
std::string check_program(const communication::Communicator& comm, const std::string& folder);
std::string check_blas(const communication::Communicator& comm, const std::string& folder);
std::string check_messages(const communication::Communicator& comm, const std::string& folder);
std::string check_shared_memory(const communication::Communicator& comm, const std::string& folder);
std::string check_files(const communication::Communicator& comm, const std::string& folder);
std::string check_decompositions(const communication::Communicator& comm,
                                 const std::string& folder);
std::string check_solve(const communication::Communicator& comm, const std::string& folder);

}  // namespace kronwerk::application
