#pragma once

#include <string>
#include <vector>

namespace kronwerk::application {

/// A library that the program is linked with.
struct LinkedLibrary {
  std::string name;
  std::string version;  ///< of what was loaded where it says so, else of what was compiled against
};

/// All of them, MPI first. Local; MPI needs not run.
std::vector<LinkedLibrary> linked_libraries();

/// "3.18.5": of the PETSc that was loaded.
std::string petsc_version();

/// What has to be the same on all hosts, a line each: the version, and the libraries but BLAS,
/// which says what processor it is on. Local.
std::string program_identity();

/// "kronwerk 0.1.0 (commit 1234abc)" and a line for every library, as `--version` prints them.
std::string full_version_text();

}  // namespace kronwerk::application
