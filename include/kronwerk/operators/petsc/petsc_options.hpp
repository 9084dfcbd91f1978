#pragma once

#include <initializer_list>
#include <string>

#include "kronwerk/operators/petsc/petsc.hpp"

namespace kronwerk::operators {

/// As check_petsc(), for calls that do what the user's options ask for: what PETSc refuses is a
/// ConfigurationError that has the options.
void check_petsc_options(PetscErrorCode code,
                         core::SourceLocation where = core::SourceLocation::current());

/// An error handler for PetscPushErrorHandler that prints nothing and keeps the text of the first
/// error for check_petsc().
PetscErrorCode remember_petsc_error(MPI_Comm comm, int line, const char* function, const char* file,
                                    PetscErrorCode code, PetscErrorType type, const char* message,
                                    void* context);

/// Those of the user's options that begin with one of these, with their values; "" without any.
std::string options_text(std::initializer_list<const char*> beginnings);

}  // namespace kronwerk::operators
