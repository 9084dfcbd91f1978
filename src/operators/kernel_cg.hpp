#pragma once

#include <functional>
#include <span>
#include <vector>

#include "kronwerk/operators/krylov.hpp"

namespace kronwerk::operators {

/// A symmetric system for several vectors side by side (rows x width, row-major).
struct ColumnSystem {
  using Apply = std::function<void(std::span<const double> x, std::span<double> y, Index width)>;
  Apply multiply;      ///< y = A x
  Apply precondition;  ///< y = M⁻¹ x; may be empty
};

/// What CG shows of the spectrum of M⁻¹A for one column: the Lanczos matrix started at M^-½ b.
struct LanczosMatrix {
  std::vector<double> diagonal;
  std::vector<double> off_diagonal;
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

/// The Lanczos matrices of M⁻¹A for the columns of b, of at most max_iterations rows; a column ends
/// when its residual is below the tolerance. Collective.
std::vector<LanczosMatrix> lanczos_matrices(const communication::Communicator& comm,
                                            const ColumnSystem& system, std::span<const double> b,
                                            Index width, const KrylovSettings& settings);

}  // namespace kronwerk::operators
