#pragma once

#include <functional>
#include <span>
#include <vector>

#include "kronwerk/operators/krylov/krylov.hpp"
#include "operators/krylov/log_quadrature.hpp"

namespace kronwerk::operators {

/// A symmetric system for several vectors side by side (rows x width, row-major).
struct ColumnSystem {
  using Apply = std::function<void(std::span<const double> x, std::span<double> y, Index width)>;
  Apply multiply;      ///< y = A x
  Apply precondition;  ///< y = M⁻¹ x; may be empty
};

/// A x = b by preconditioned conjugate gradients (Hestenes and Stiefel 1952) with coefficients and
/// convergence per column: one application of A, one of M⁻¹ and two reductions per iteration for
/// all columns that have not converged; the others are left out of them. The residual of every
/// column is computed anew at the end; where the recursion has lost sight of it, CG starts again
/// from the present x. Collective.
/// @param b, x  this rank's rows x width; x is overwritten
KrylovOutcome column_conjugate_gradients(const communication::Communicator& comm,
                                         const ColumnSystem& system, std::span<const double> b,
                                         std::span<double> x, Index width,
                                         const KrylovSettings& settings);

/// What CG shows of the logarithm of M^-½AM^-½ for one column: the quadrature that belongs to its
/// Lanczos process, started at M^-½ b.
struct ColumnQuadrature {
  QuadratureEstimate estimate;
  Index steps = 0;
};

/// The quadratures of all columns of b; a column ends when its own has settled, or after
/// max_iterations steps. Collective; the same on every rank.
/// @param least  lower bound of the eigenvalues of M⁻¹A; 0 if none is known
/// @param tolerance  see LogQuadrature
/// @throws DataError if A or M is not positive definite to working precision
std::vector<ColumnQuadrature> column_quadratures(const communication::Communicator& comm,
                                                 const ColumnSystem& system,
                                                 std::span<const double> b, Index width,
                                                 Index max_iterations, double least,
                                                 double tolerance);

}  // namespace kronwerk::operators
