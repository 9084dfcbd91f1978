#pragma once

#include <umfpack.h>

#include <new>
#include <string>

#include "kronwerk/core/error.hpp"

namespace kronwerk::factors {

/// False where UMFPACK says that the matrix is singular.
/// @param factorisation  in words
/// @throws std::bad_alloc, or InternalError for what only a mistake of ours can cause
inline bool check_umfpack(SuiteSparse_long status, const char* factorisation) {
  if (status == UMFPACK_ERROR_out_of_memory) throw std::bad_alloc();
  if (status < 0) {
    throw core::InternalError("the " + std::string(factorisation) + " failed with UMFPACK status " +
                              std::to_string(status));
  }
  return status != UMFPACK_WARNING_singular_matrix;
}

}  // namespace kronwerk::factors
