#pragma once

#include <array>
#include <span>
#include <vector>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/core/extents.hpp"

namespace kronwerk::operators {

using core::Index;

/// The shapes of A (m_1 x n_1) and B (m_2 x n_2).
struct ProductShape {
  std::array<Index, 2> rows{1, 1};
  std::array<Index, 2> cols{1, 1};
};

/// The Kronecker product A ⊗ B nearest to a matrix; the same on every rank.
struct NearestKroneckerProduct {
  /// A and B in row-major order, of equal norms; A's entry of the largest modulus is positive.
  std::array<std::vector<double>, 2> factors;
  double norm = 0;            ///< ‖M‖_F
  double relative_error = 0;  ///< ‖M - A ⊗ B‖_F / ‖M‖_F
  Index passes = 0;           ///< over the matrix
  bool converged = true;
};

/// The Kronecker product nearest to a dense matrix in the Frobenius norm: the leading singular pair
/// of the rearrangement R[(i_1, j_1), (i_2, j_2)] = M[(i_1, i_2), (j_1, j_2)] (Van Loan and
/// Pitsianis 1993), by Lanczos bidiagonalisation (Golub and Kahan 1965) with full
/// reorthogonalisation and restarts. R is never formed: its products read M where it lies.
///
/// Collective. Two passes over M and two Allreduces (of m_1 n_1 and m_2 n_2 values) per step.
/// @param first_row   the global row that `rows` begins with
/// @param rows        this rank's rows of M, row-major; the ranks' rows make up M
/// @param tolerance   on ‖Rᵀu - σv‖ / σ
/// @throws ShapeError if sizes do not conform, DataError if a value is not finite: on every rank
NearestKroneckerProduct nearest_kronecker_product(const communication::Communicator& comm,
                                                  const ProductShape& shape, Index first_row,
                                                  std::span<const double> rows,
                                                  double tolerance = 1e-10,
                                                  Index max_passes = 1000);

}  // namespace kronwerk::operators
