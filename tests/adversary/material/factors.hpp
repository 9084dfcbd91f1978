#pragma once

// Random factors of the kinds that have names in numerical analysis because methods fail on them.

#include <string>
#include <vector>

#include "adversary/jobs/random.hpp"
#include "adversary/material/dense.hpp"

namespace kronwerk::adversary {

/// What a place in a formula asks of a square factor.
enum class Wish {
  any,
  regular,  ///< can be inverted, perhaps badly
  symmetric,
  positive,  ///< symmetric positive definite
  weights,   ///< spectral radius at most about 1, such as row-normalised neighbourhoods
};

/// A square matrix in double precision, row after row, with the name of its kind.
struct Factor {
  std::string kind;
  Index rows = 0;
  Index cols = 0;
  std::vector<double> values;

  double& operator()(Index i, Index j) { return values[static_cast<std::size_t>(i * cols + j)]; }
  double operator()(Index i, Index j) const {
    return values[static_cast<std::size_t>(i * cols + j)];
  }
};

Factor random_square(Random& random, Index n, Wish wish);
Factor random_rectangular(Random& random, Index rows, Index cols);
/// Entries of a diagonal: of both signs, sometimes graded; without zeros if it is to be `regular`.
std::vector<double> random_diagonal(Random& random, Index n, bool regular);
/// `regular`'s little sister: entries above 0.
std::vector<double> random_positive(Random& random, Index n);

Matrix to_matrix(const Factor& factor);
Factor from_matrix(const Matrix& matrix, const std::string& kind);

/// A random orthogonal matrix, in long double.
Matrix random_orthogonal(Random& random, Index n);
/// Symmetric with these eigenvalues.
Matrix with_spectrum(Random& random, const std::vector<double>& values);

}  // namespace kronwerk::adversary
