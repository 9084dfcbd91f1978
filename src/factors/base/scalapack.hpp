#pragma once

// The routines of BLACS and ScaLAPACK by their own symbols, as neither has a header; the trailing
// sizes are the hidden lengths of character arguments. Built without ScaLAPACK, they are those of
// one_rank_scalapack.cpp, for grids of one process: not C functions, since libraries that PETSc
// loads may bring ScaLAPACK's.

#include <mpi.h>

#include <cstddef>

namespace kronwerk::factors {

#if KRONWERK_HAS_SCALAPACK
extern "C" {
#endif
int Csys2blacs_handle(MPI_Comm comm);
void Cfree_blacs_system_handle(int handle);
void Cblacs_gridinit(int* context, const char* order, int rows, int columns);
void Cblacs_gridexit(int context);
void pdgetrf_(const int* m, const int* n, double* a, const int* row, const int* column,
              const int* descriptor, int* pivots, int* info);
void pdpotrf_(const char* uplo, const int* n, double* a, const int* row, const int* column,
              const int* descriptor, int* info, std::size_t);
void pdpotrs_(const char* uplo, const int* n, const int* right_sides, const double* a,
              const int* row, const int* column, const int* descriptor, double* b, const int* b_row,
              const int* b_column, const int* b_descriptor, int* info, std::size_t);
void pdgetrs_(const char* transposed, const int* n, const int* right_sides, const double* a,
              const int* row, const int* column, const int* descriptor, const int* pivots,
              double* b, const int* b_row, const int* b_column, const int* b_descriptor, int* info,
              std::size_t);
void pdpocon_(const char* uplo, const int* n, const double* a, const int* row, const int* column,
              const int* descriptor, const double* norm, double* reciprocal_condition, double* work,
              const int* work_size, int* int_work, const int* int_work_size, int* info,
              std::size_t);
void pdgecon_(const char* norm_kind, const int* n, const double* a, const int* row,
              const int* column, const int* descriptor, const double* norm,
              double* reciprocal_condition, double* work, const int* work_size, int* int_work,
              const int* int_work_size, int* info, std::size_t);
void pdtrsm_(const char* side, const char* uplo, const char* transposed, const char* diagonal,
             const int* m, const int* n, const double* alpha, const double* a, const int* a_row,
             const int* a_column, const int* a_descriptor, double* b, const int* b_row,
             const int* b_column, const int* b_descriptor, std::size_t, std::size_t, std::size_t,
             std::size_t);
void pdsyevd_(const char* job, const char* uplo, const int* n, double* a, const int* row,
              const int* column, const int* descriptor, double* eigenvalues, double* vectors,
              const int* vector_row, const int* vector_column, const int* vector_descriptor,
              double* work, const int* work_size, int* int_work, const int* int_work_size,
              int* info, std::size_t, std::size_t);
#if KRONWERK_HAS_SCALAPACK
}
#endif

}  // namespace kronwerk::factors
