#pragma once

#include <complex>
#include <string>
#include <vector>

#include "kronwerk/core/extents.hpp"
#include "kronwerk/factors/spectrum.hpp"

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

/// Pairs first, then real eigenvalues. Destroys the matrix.
Spectrum general_eigenvalues(Index n, double* matrix, const std::string& name);

/// A = X Λ X⁻¹: `matrix` becomes X⁻¹ and `second` X. Where X is too ill-conditioned and Schur is
/// allowed, A = Q T Qᵀ: `matrix` becomes T and `second` Qᵀ.
Spectrum general_eigen(Index n, double* matrix, double* second, bool schur_allowed,
                       const std::string& name);

/// The same from a Schur decomposition in LAPACK's order of storage: T in `schur` and Q in
/// `vectors` (column-major), the eigenvalues as LAPACK returns them. Fills `first` and `second`,
/// which may be the memory of `schur` and `vectors`, respectively.
Spectrum eigen_of_schur(Index n, double* schur, double* vectors, std::vector<double> real,
                        std::vector<double> imaginary, bool schur_allowed, const std::string& name);

/// Row-major to column-major and back.
void transpose_in_place(Index n, double* matrix);

}  // namespace kronwerk::factors
