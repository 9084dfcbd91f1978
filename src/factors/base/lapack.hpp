#pragma once

// LAPACK's routines (and the one of BLAS that is asked how wide its integers are) by their own
// symbols, for every layer above: Debian's OpenBLAS comes without a header of them. The trailing
// sizes are the hidden lengths of character arguments. Matrices are read by columns: our row-major
// lower triangle is LAPACK's upper one.

#include <cstddef>

extern "C" {
void ilaver_(int* major, int* minor, int* patch);
void dgemm_(const char* transa, const char* transb, const int* m, const int* n, const int* k,
            const double* alpha, const double* a, const int* lda, const double* b, const int* ldb,
            const double* beta, double* c, const int* ldc, std::size_t, std::size_t);
void dsyev_(const char* job, const char* uplo, const int* n, double* a, const int* lda, double* w,
            double* work, const int* lwork, int* info, std::size_t, std::size_t);
void dsyevd_(const char* job, const char* uplo, const int* n, double* a, const int* lda, double* w,
             double* work, const int* lwork, int* iwork, const int* liwork, int* info, std::size_t,
             std::size_t);
void dsygvd_(const int* type, const char* job, const char* uplo, const int* n, double* a,
             const int* lda, double* b, const int* ldb, double* w, double* work, const int* lwork,
             int* iwork, const int* liwork, int* info, std::size_t, std::size_t);
void dgeev_(const char* left, const char* right, const int* n, double* a, const int* lda,
            double* real, double* imaginary, double* vl, const int* ldvl, double* vr,
            const int* ldvr, double* work, const int* lwork, int* info, std::size_t, std::size_t);
void dgees_(const char* vectors, const char* sort, int (*select)(const double*, const double*),
            const int* n, double* a, const int* lda, int* selected, double* real, double* imaginary,
            double* vs, const int* ldvs, double* work, const int* lwork, int* bwork, int* info,
            std::size_t, std::size_t);
void dgges3_(const char* left, const char* right, const char* sort,
             int (*select)(const double*, const double*, const double*), const int* n, double* a,
             const int* lda, double* b, const int* ldb, int* selected, double* alpha_real,
             double* alpha_imaginary, double* beta, double* vsl, const int* ldvsl, double* vsr,
             const int* ldvsr, double* work, const int* lwork, int* bwork, int* info, std::size_t,
             std::size_t, std::size_t);
void dtrevc3_(const char* side, const char* how_many, int* select, const int* n, const double* t,
              const int* ldt, double* vl, const int* ldvl, double* vr, const int* ldvr,
              const int* columns, int* used, double* work, const int* lwork, int* info, std::size_t,
              std::size_t);
void dgesvd_(const char* left, const char* right, const int* m, const int* n, double* a,
             const int* lda, double* s, double* u, const int* ldu, double* vt, const int* ldvt,
             double* work, const int* lwork, int* info, std::size_t, std::size_t);
void dbdsqr_(const char* uplo, const int* n, const int* ncvt, const int* nru, const int* ncc,
             double* d, double* e, double* vt, const int* ldvt, double* u, const int* ldu,
             double* c, const int* ldc, double* work, int* info, std::size_t);
void dgetrf_(const int* m, const int* n, double* a, const int* lda, int* pivots, int* info);
void dgetrs_(const char* transposed, const int* n, const int* right_sides, const double* a,
             const int* lda, const int* pivots, double* b, const int* ldb, int* info, std::size_t);
void dgetri_(const int* n, double* a, const int* lda, const int* pivots, double* work,
             const int* lwork, int* info);
void dgecon_(const char* norm, const int* n, const double* a, const int* lda, const double* a_norm,
             double* rcond, double* work, int* int_work, int* info, std::size_t);
void dpotrf_(const char* uplo, const int* n, double* a, const int* lda, int* info, std::size_t);
void dpotrs_(const char* uplo, const int* n, const int* right_sides, const double* a,
             const int* lda, double* b, const int* ldb, int* info, std::size_t);
void dpotri_(const char* uplo, const int* n, double* a, const int* lda, int* info, std::size_t);
void dpstrf_(const char* uplo, const int* n, double* a, const int* lda, int* pivots, int* rank,
             const double* tolerance, double* work, int* info, std::size_t);
void dtrsm_(const char* side, const char* uplo, const char* transposed, const char* diagonal,
            const int* m, const int* n, const double* alpha, const double* a, const int* lda,
            double* b, const int* ldb, std::size_t, std::size_t, std::size_t, std::size_t);
void dtrtri_(const char* uplo, const char* diagonal, const int* n, double* a, const int* lda,
             int* info, std::size_t, std::size_t);
void dpocon_(const char* uplo, const int* n, const double* a, const int* lda, const double* a_norm,
             double* rcond, double* work, int* int_work, int* info, std::size_t);
}
