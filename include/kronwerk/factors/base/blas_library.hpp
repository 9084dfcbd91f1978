#pragma once

#include <string>

namespace kronwerk::factors {

/// The BLAS that answers: the library that `dgemm_` was found in when this process was loaded,
/// which need not be the one that the program was linked with.
struct BlasLibrary {
  std::string file;     ///< "/usr/lib/x86_64-linux-gnu/openblas-pthread/libopenblas.so.0"
  std::string version;  ///< as it describes itself; "" if it does not
  std::string core;     ///< of processor that it computes for; "" if it does not say
};
BlasLibrary find_blas();

/// "3.11.0".
std::string lapack_version();

/// Whether `dgemm` reads its sizes as 32-bit integers and gives what it should. PETSc with 64-bit
/// indices may bring a second BLAS, whose functions have the same names: it reads sizes as garbage.
bool blas_answers();

/// How many threads each call of BLAS takes, of every kind of library that can be asked: OpenBLAS,
/// MKL, BLIS, FlexiBLAS, or what uses OpenMP.
void set_blas_threads(int threads);

}  // namespace kronwerk::factors
