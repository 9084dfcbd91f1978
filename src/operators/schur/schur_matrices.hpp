#pragma once

#include <complex>
#include <vector>

#include "kronwerk/communication/shared_array.hpp"
#include "kronwerk/operators/schur/schur.hpp"

namespace kronwerk::operators {

/// Which rows and columns of one mode's quasi-triangular matrices belong together. All matrices of
/// the mode have their 2 x 2 blocks there, with whatever entries.
struct BlockStructure {
  std::vector<char> second;  ///< whether an index is the second of its pair

  Index extent() const { return std::ssize(second); }
  /// Whether a cut in front of `index` would go through a pair.
  bool splits(Index index) const {
    return index > 0 && index < extent() && second[static_cast<std::size_t>(index)] != 0;
  }
  /// `index`, or the one before if that is in front of a pair.
  Index whole(Index index) const { return splits(index) ? index - 1 : index; }
};

/// The different matrices of one mode; number 0 is the identity, which has no values.
struct SchurMode {
  struct Matrix {
    communication::SharedArray<double> values;  ///< row-major, once per node
    bool block_diagonal = true;
    /// Those of the mode's matrices at an index belong to the same vectors, so that they may be
    /// multiplied and added: the diagonals that unitary transformations of the blocks would leave.
    std::vector<std::complex<double>> eigenvalues;
  };
  Index extent = 0;
  BlockStructure blocks;
  std::vector<Matrix> matrices;

  /// Of the stored array of a matrix.
  double entry(std::size_t matrix, Index i, Index j) const {
    if (matrix == 0) return i == j ? 1.0 : 0.0;
    return matrices[matrix].values.span()[static_cast<std::size_t>(i * extent + j)];
  }
};

/// Σ c_lr L_l Y R_rᵀ = B with upper quasi-triangular L_l and R_r.
struct SchurSystem {
  SchurMode left;   ///< L_l
  SchurMode right;  ///< R_rᵀ: rows are what is read together
  std::vector<double> coefficients;
  double coefficient(std::size_t l, std::size_t r) const {
    return coefficients[l * right.matrices.size() + r];
  }
};

/// The system of the operator in its bases, or that of its transpose with all indices reversed
/// (J Tᵀ J is upper quasi-triangular again, J being the exchange matrix). Collective.
/// @throws ShapeError if a matrix is not upper quasi-triangular of its basis' size
SchurSystem make_schur_system(const communication::Communicator& comm, const SchurSum& sum,
                              bool reversed_transpose);

/// Collective. @throws DataError if Σ c μ ν vanishes to working precision somewhere, naming the
/// eigenvalues of the two modes
void check_regular(const communication::Communicator& comm, const SchurSum& sum,
                   const SchurSystem& system);

}  // namespace kronwerk::operators
