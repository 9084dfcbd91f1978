#pragma once

namespace kronwerk::application {

/// Sets the number of BLAS threads of this rank and verifies that `dgemm` is the one with 32-bit
/// integers and answers rightly: PETSc with 64-bit indices brings a second BLAS whose functions
/// have the same names, and the wrong one reads sizes as garbage.
/// @throws InternalError that says how to get out
void prepare_blas(int threads);

}  // namespace kronwerk::application
