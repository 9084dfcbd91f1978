// What scalapack.hpp declares where there is no ScaLAPACK: LAPACK's routines, for grids of one
// process, whose part of a matrix is all of it.
#include "factors/base/lapack.hpp"
#include "factors/base/scalapack.hpp"

#if !KRONWERK_HAS_SCALAPACK

#include <algorithm>

namespace kronwerk::factors {
namespace {

// Of a descriptor: the rows of the local part.
constexpr int leading = 8;

/// Whether only the sizes of work arrays were asked for.
bool is_query(const int* work_size, double* work, int doubles, int* int_work, int integers) {
  if (*work_size != -1) return false;
  *work = std::max(1, doubles);
  *int_work = std::max(1, integers);
  return true;
}

}  // namespace

int Csys2blacs_handle(MPI_Comm) {
  return 0;
}
void Cfree_blacs_system_handle(int) {}
void Cblacs_gridinit(int*, const char*, int, int) {}
void Cblacs_gridexit(int) {}

void pdgetrf_(const int* m, const int* n, double* a, const int*, const int*, const int* descriptor,
              int* pivots, int* info) {
  dgetrf_(m, n, a, descriptor + leading, pivots, info);
}

void pdpotrf_(const char* uplo, const int* n, double* a, const int*, const int*,
              const int* descriptor, int* info, std::size_t) {
  dpotrf_(uplo, n, a, descriptor + leading, info, 1);
}

void pdpotrs_(const char* uplo, const int* n, const int* right_sides, const double* a, const int*,
              const int*, const int* descriptor, double* b, const int*, const int*,
              const int* b_descriptor, int* info, std::size_t) {
  dpotrs_(uplo, n, right_sides, a, descriptor + leading, b, b_descriptor + leading, info, 1);
}

void pdgetrs_(const char* transposed, const int* n, const int* right_sides, const double* a,
              const int*, const int*, const int* descriptor, const int* pivots, double* b,
              const int*, const int*, const int* b_descriptor, int* info, std::size_t) {
  dgetrs_(transposed, n, right_sides, a, descriptor + leading, pivots, b, b_descriptor + leading,
          info, 1);
}

void pdpocon_(const char* uplo, const int* n, const double* a, const int*, const int*,
              const int* descriptor, const double* norm, double* reciprocal_condition, double* work,
              const int* work_size, int* int_work, const int*, int* info, std::size_t) {
  if (is_query(work_size, work, 3 * *n, int_work, *n)) return;
  dpocon_(uplo, n, a, descriptor + leading, norm, reciprocal_condition, work, int_work, info, 1);
}

void pdgecon_(const char* norm_kind, const int* n, const double* a, const int*, const int*,
              const int* descriptor, const double* norm, double* reciprocal_condition, double* work,
              const int* work_size, int* int_work, const int*, int* info, std::size_t) {
  if (is_query(work_size, work, 4 * *n, int_work, *n)) return;
  dgecon_(norm_kind, n, a, descriptor + leading, norm, reciprocal_condition, work, int_work, info,
          1);
}

void pdtrsm_(const char* side, const char* uplo, const char* transposed, const char* diagonal,
             const int* m, const int* n, const double* alpha, const double* a, const int*,
             const int*, const int* a_descriptor, double* b, const int*, const int*,
             const int* b_descriptor, std::size_t, std::size_t, std::size_t, std::size_t) {
  dtrsm_(side, uplo, transposed, diagonal, m, n, alpha, a, a_descriptor + leading, b,
         b_descriptor + leading, 1, 1, 1, 1);
}

void pdsyevd_(const char* job, const char* uplo, const int* n, double* a, const int*, const int*,
              const int* descriptor, double* eigenvalues, double* vectors, const int*, const int*,
              const int*, double* work, const int* work_size, int* int_work,
              const int* int_work_size, int* info, std::size_t, std::size_t) {
  dsyevd_(job, uplo, n, a, descriptor + leading, eigenvalues, work, work_size, int_work,
          int_work_size, info, 1, 1);
  const auto entries = static_cast<std::size_t>(*n) * static_cast<std::size_t>(*n);
  if (*work_size != -1 && *info == 0) std::copy_n(a, entries, vectors);
}

}  // namespace kronwerk::factors
#endif
