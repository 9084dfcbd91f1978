#pragma once

#include <optional>
#include <string>

#include "kronwerk/operators/kernel_matrices/kernel_solver.hpp"
#include "operators/kernel_matrices/kernel_low_rank.hpp"

namespace kronwerk::operators {

/// A low-rank approximation of the symmetric kernel matrix of an operator, ready to precondition.
struct KernelApproximation {
  enum class Kind { usable, indefinite } kind = Kind::usable;
  std::optional<LowRankInverse> inverse;
  bool complete = false;  ///< what is left of K is rounding error
  double trace = 0;       ///< of what is left of K
  double iterations = 0;  ///< of CG, estimated
  double seconds = 0;     ///< of CG, estimated
  std::string description;
};

/// Grows a randomly pivoted Cholesky factorisation for as long as another block of columns saves
/// more time in CG than it costs, by estimates that are the same in every run. Collective.
KernelApproximation approximate_by_cholesky(const KernelOperator& op,
                                            const KernelSolverSettings& settings);

/// The randomised Nyström approximation (Frangella, Tropp and Udell 2021, algorithm 2.1) of rank
/// settings.rank (by default 300). Collective.
KernelApproximation approximate_by_nystrom(const KernelOperator& op,
                                           const KernelSolverSettings& settings);

/// Estimated iterations of CG for a spectrum in [shift, shift + norm].
double estimated_iterations(double norm, double shift, double tolerance);

}  // namespace kronwerk::operators
