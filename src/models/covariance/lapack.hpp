#pragma once

// The LAPACK routines of this layer, by their own symbols; the trailing sizes are the hidden
// lengths of character arguments. LAPACK reads our row-major lower triangle as its upper one.

#include <cstddef>

extern "C" {
void dpotrf_(const char* uplo, const int* n, double* a, const int* lda, int* info, std::size_t);
void dpotri_(const char* uplo, const int* n, double* a, const int* lda, int* info, std::size_t);
void dpstrf_(const char* uplo, const int* n, double* a, const int* lda, int* pivots, int* rank,
             const double* tolerance, double* work, int* info, std::size_t);
void dtrtri_(const char* uplo, const char* diagonal, const int* n, double* a, const int* lda,
             int* info, std::size_t, std::size_t);
void dsyevd_(const char* job, const char* uplo, const int* n, double* a, const int* lda, double* w,
             double* work, const int* lwork, int* iwork, const int* liwork, int* info, std::size_t,
             std::size_t);
}
