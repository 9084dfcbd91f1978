#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/kernels/reductions/reduce_gradient.hpp"
#include "kronwerk/operators/kernel_matrices/kernel_operator.hpp"
#include "kronwerk/operators/krylov/krylov.hpp"
#include "kronwerk/operators/krylov/stochastic.hpp"

namespace kronwerk::operators {

enum class KernelMethod { automatic, direct, krylov };

enum class KernelPreconditioner {
  automatic,         ///< pivoted Cholesky where the kernel is positive semidefinite, else none
  pivoted_cholesky,  ///< randomly pivoted, in blocks (Chen, Epperly, Tropp and Webber 2023)
  nystrom,           ///< randomised Nyström (Frangella, Tropp and Udell 2021)
  none,
};

struct KernelSolverSettings {
  KernelMethod method = KernelMethod::automatic;
  KernelPreconditioner preconditioner = KernelPreconditioner::automatic;
  Index rank = 0;            ///< of the preconditioner; 0: by cost
  Index columns = 1;         ///< right-hand sides per solve, as far as known; for the choices
  double tolerance = 1e-10;  ///< on the true residual relative to the right-hand side, per column
  Index max_iterations = 1000;
  Index spread_extent = 4000;  ///< a dense matrix of this size on is spread over the ranks
  double memory = 2e9;         ///< bytes per rank that a factorisation or preconditioner may take
  std::uint64_t seed = 1;      ///< of the preconditioner's random numbers
  /// A log determinant is wanted: a dense factorisation, which makes it exact, is taken where it is
  /// estimated to take seconds.
  bool determinant = false;
  /// Told the number of each iteration and the largest relative residual; may throw to stop.
  std::function<void(Index, double)> on_iteration{};
  /// Likewise the iterate, as KrylovSettings says.
  std::function<void(const KrylovIterate&)> on_iterate{};
};

/// Derivatives of a number L that depends on a solution a.
struct KernelSolveGradient {
  kernels::ReduceGradient kernel;  ///< by the names in the formula; x and y apart, even if equal
  double alpha = 0;                ///< ∂L/∂alpha
  std::vector<double> right_hand_side;  ///< ∂L/∂b, of this rank's rows x width
  KrylovOutcome outcome;                ///< of the adjoint solve
};

/// Derivatives of log det(K + alpha I); estimates unless the method is direct.
struct KernelLogDeterminantGradient {
  kernels::ReduceGradient kernel;
  double alpha = 0;
  std::map<std::string, double> standard_errors;  ///< of the parameters; 0 if exact
  double alpha_error = 0;
};

/// (K + alpha I) a = b for a kernel operator scale * K + shift * I with alpha = shift.
///
/// Symmetric kernels over one cloud: conjugate gradients with coefficients and convergence per
/// column, preconditioned by a low-rank approximation of K whose rank is chosen by cost; MINRES
/// where K is indefinite. Others: GMRES. Or a dense factorisation, from some size on by all ranks
/// with n² / P entries each, where an estimate says that it is faster and it fits into memory.
class KernelSolver {
 public:
  /// Chooses the method and builds what it needs. Collective.
  /// @throws ShapeError if K is not square
  /// @throws DataError if a point is not finite, or for alpha <= 0 and a singular K
  KernelSolver(std::shared_ptr<const KernelOperator> op, KernelSolverSettings settings);
  ~KernelSolver();
  KernelSolver(KernelSolver&&) noexcept;

  /// a from b (this rank's rows x width, row-major). Collective.
  /// @param a  holds the start of iterations on entry (zero: fill it), and their last iterate if
  /// Terminated is thrown by conjugate gradients
  /// @throws DataError if b holds values that are not finite
  KrylovOutcome solve(std::span<const double> b, std::span<double> a, Index width,
                      bool transposed = false) const;

  /// log det(K + alpha I): exact by a dense factorisation (standard error 0) if the method is
  /// direct; else that of the preconditioner plus stochastic Lanczos quadrature of what is left
  /// (Gardner et al. 2018; Wenger et al. 2022), all probes together, until it has settled.
  /// Collective.
  /// @throws DataError if K + alpha I is not symmetric positive definite
  StochasticValue log_determinant(const StochasticSettings& settings = {}) const;

  /// By the adjoint solve v = (K + alpha I)⁻ᵀ ∂L/∂a: ∂L/∂b = v, ∂L/∂alpha = -Σ v·a, and ∂L/∂name
  /// = -Σ_ij (v_i · a_j) scale ∂F(i, j)/∂name. Collective.
  /// @param a, cotangent  a solution and ∂L/∂a, this rank's rows x width, row-major
  /// @param names         of parameters, variables or index-free vectors of the formula
  KernelSolveGradient solve_gradient(std::span<const double> a, std::span<const double> cotangent,
                                     Index width, const std::vector<std::string>& names) const;

  /// tr((K + alpha I)⁻¹ ∂K/∂name): exact with a dense factorisation, by solves for all columns of
  /// the identity; else the mean over probes z of covariance M, the preconditioner, of
  /// ((K + alpha I)⁻¹z)ᵀ ∂K/∂name (M⁻¹z) (Gardner et al. 2018). Collective.
  /// @throws ConvergenceError if a solve does not converge; else as log_determinant()
  KernelLogDeterminantGradient log_determinant_gradient(
      const std::vector<std::string>& names, const StochasticSettings& settings = {}) const;

  /// "direct", "cg", "minres" or "gmres".
  const std::string& method() const noexcept;
  /// Why, in words, with the preconditioner: "randomly pivoted Cholesky of rank 812 (…)".
  const std::string& why() const noexcept;
  /// Of the preconditioner; 0 without one.
  Index rank() const noexcept;
  const KernelOperator& op() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kronwerk::operators
