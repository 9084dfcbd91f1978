#include "kronwerk/operators/petsc.hpp"

#include <fmt/format.h>

namespace kronwerk::operators {

void check_petsc(PetscErrorCode code, core::SourceLocation where) {
  if (code == 0) return;
  const char* text = nullptr;
  char* specific = nullptr;
  PetscErrorMessage(code, &text, &specific);
  const std::string message =
      fmt::format("PETSc failed: {}{}{}", text != nullptr ? text : "",
                  specific != nullptr ? ": " : "", specific != nullptr ? specific : "");
  if (code == PETSC_ERR_MEM) throw core::ResourceError(message, where);
  throw core::PetscError(message, where);
}

}  // namespace kronwerk::operators
