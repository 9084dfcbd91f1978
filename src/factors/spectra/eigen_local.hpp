#pragma once

#include <complex>
#include <string>
#include <vector>

#include "kronwerk/core/extents.hpp"
#include "kronwerk/factors/spectra/bases.hpp"

namespace kronwerk::factors {

/// Eigenvectors whose matrix has at least this condition are not used (design section 8).
inline constexpr double largest_condition = 1e3;

/// What one decomposition found besides the matrices that it wrote.
struct Spectrum {
  BasisKind kind = BasisKind::symmetric;
  std::vector<std::complex<double>> eigenvalues;
  Index pairs = 0;
  double condition = 1;
  double log_abs_det = 0;
  std::vector<double> partner_eigenvalues;  ///< of `generalised_schur`: β
  int determinant_sign = 1;
  std::string why_not;  ///< not empty: there is no such basis
};

// All of these run on one rank, without communication. Matrices are row-major, n x n. `name` is
// what errors call the matrix. @throws DataError if LAPACK does not converge

/// Ascending; only the lower triangle is used. Destroys the matrix.
void symmetric_eigenvalues(Index n, double* matrix, double* eigenvalues,
                           const std::string& name = "A");

/// Λ = VᵀAV; row k of the matrix becomes eigenvector k.
Spectrum symmetric_eigen(Index n, double* matrix, const std::string& name);

/// VᵀAV = Λ, VᵀBV = I; row k of the matrix becomes column k of V, `partner` is destroyed.
/// why_not is set if B is not positive definite.
Spectrum pair_eigen(Index n, double* matrix, double* partner, bool vectors, const std::string& name,
                    const std::string& partner_name);

/// What a pair's eigenvalues, the norm of B and its Cholesky factor (diagonal and the triangle that
/// `uplo` names in column-major order) tell; why_not is set if B is singular to working precision
/// or has no such factor.
Spectrum describe_pair(Index n, std::vector<double> eigenvalues, bool definite, const char* uplo,
                       const double* cholesky, double norm, const std::string& partner_name);

/// Largest row sum of absolute values.
double row_norm(Index n, const double* matrix);

/// Pairs first, then real eigenvalues. Destroys the matrix.
Spectrum general_eigenvalues(Index n, double* matrix, const std::string& name);

/// A = X Λ X⁻¹: `matrix` becomes X⁻¹ and `second` X. Where X is too ill-conditioned and Schur is
/// allowed, A = Q T Qᵀ: `matrix` becomes T and `second` Qᵀ.
Spectrum general_eigen(Index n, double* matrix, double* second, bool schur_allowed,
                       const std::string& name);

/// A = Q S Zᵀ and B = Q T Zᵀ: `matrix` becomes S, `partner` T, `left` Qᵀ and `right` Zᵀ.
Spectrum generalised_schur(Index n, double* matrix, double* partner, double* left, double* right,
                           const std::string& name, const std::string& partner_name);

/// Only α and β of that decomposition, pairs first: both of a pair have the geometric mean of its
/// two β, which keeps products of all eigenvalues. Destroys the matrices.
Spectrum generalised_eigenvalues(Index n, double* matrix, double* partner, const std::string& name,
                                 const std::string& partner_name);

/// Row-major to column-major and back.
void transpose_in_place(Index n, double* matrix);

}  // namespace kronwerk::factors
