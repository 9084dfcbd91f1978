#pragma once

#include <cstddef>
#include <vector>

namespace kronwerk::operators {

/// Eigenvalues, ascending, and eigenvectors of a small symmetric matrix.
struct SymmetricEigen {
  std::vector<double> values;
  std::vector<double> vectors;  ///< vector i at [i * n, (i + 1) * n)
};

/// @param matrix  n x n. Local. @throws DataError if LAPACK does not converge (NaN)
SymmetricEigen symmetric_eigen(std::vector<double> matrix, std::size_t n);

/// The leading singular triple of a small matrix.
struct LeadingSingular {
  double value = 0;
  double rest = 0;            ///< norm of the other singular values
  std::vector<double> left;   ///< of unit length
  std::vector<double> right;  ///< of unit length
};

/// @param matrix  rows x cols, row-major, both at least 1. Local. @throws DataError as above
LeadingSingular leading_singular(std::vector<double> matrix, std::size_t rows, std::size_t cols);

/// Singular values of an upper bidiagonal matrix and the squared first components of their right
/// singular vectors, all to full relative accuracy (Demmel and Kahan 1990): with BᵀB = T, the roots
/// of the nodes and the weights of T's Gauss quadrature (Golub and Welsch 1969). O(n²). Local.
struct GaussRule {
  std::vector<double> nodes;  ///< singular values, descending
  std::vector<double> weights;
};
/// @param off_diagonal  one shorter than the diagonal. @throws DataError as above
GaussRule bidiagonal_rule(std::vector<double> diagonal, std::vector<double> off_diagonal);

}  // namespace kronwerk::operators
