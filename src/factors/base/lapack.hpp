#pragma once

// The LAPACK routines of the decompositions, by their own symbols; the trailing sizes are the
// hidden lengths of character arguments.

#include <cstddef>

extern "C" {
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
void dgetrf_(const int* m, const int* n, double* a, const int* lda, int* pivots, int* info);
void dgetri_(const int* n, double* a, const int* lda, const int* pivots, double* work,
             const int* lwork, int* info);
void dpotrf_(const char* uplo, const int* n, double* a, const int* lda, int* info, std::size_t);
void dpocon_(const char* uplo, const int* n, const double* a, const int* lda, const double* a_norm,
             double* rcond, double* work, int* int_work, int* info, std::size_t);
}
