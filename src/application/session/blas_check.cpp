#include "application/session/blas_check.hpp"

#include <fmt/format.h>

#include "kronwerk/core/error.hpp"
#include "kronwerk/factors/base/blas_library.hpp"

namespace kronwerk::application {

void prepare_blas(int threads) {
  if (!factors::blas_answers()) {
    const factors::BlasLibrary found = factors::find_blas();
    throw core::InternalError(fmt::format(
        "the BLAS library that was loaded ({}{}{}) does not answer with 32-bit integers, which "
        "kronwerk needs: start with LD_PRELOAD set to the one it was built with, or build it again "
        "with BLA_VENDOR or BLAS_LIBRARIES set to a BLAS with 32-bit integers",
        found.file, found.version.empty() ? "" : ": ", found.version));
  }
  factors::set_blas_threads(threads);
}

}  // namespace kronwerk::application
