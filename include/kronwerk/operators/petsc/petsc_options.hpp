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

inline constexpr const char* gemv_option = "-vec_mdot_use_gemv";

/// For right after PetscInitialize(): the same vectors have the same inner products, to the last
/// bit, wherever they lie. From 3.20 on PETSc takes several at once by GEMV where the vectors
/// happen to follow each other in memory, which depends on what was allocated before. Local.
inline PetscErrorCode keep_inner_products_alike() {
#if PETSC_VERSION_GE(3, 20, 0)
  PetscBool given = PETSC_FALSE;
  PetscErrorCode code = PetscOptionsHasName(nullptr, nullptr, gemv_option, &given);
  if (code != 0 || given) return code;
  code = PetscOptionsSetValue(nullptr, gemv_option, "0");
  // Asked for here, so that it is not listed as one that the user gave in vain.
  return code != 0 ? code : PetscOptionsGetBool(nullptr, nullptr, gemv_option, &given, nullptr);
#else
  return PetscErrorCode{};
#endif
}

/// Those of the user's options that begin with one of these, with their values; "" without any.
std::string options_text(std::initializer_list<const char*> beginnings);

}  // namespace kronwerk::operators
