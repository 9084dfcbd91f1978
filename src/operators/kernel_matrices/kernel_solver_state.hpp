#pragma once

#include <memory>
#include <optional>
#include <string>

#include "kronwerk/operators/kernel_matrices/kernel_solver.hpp"
#include "operators/kernel_matrices/kernel_cg.hpp"
#include "operators/kernel_matrices/kernel_dense.hpp"
#include "operators/kernel_matrices/kernel_low_rank.hpp"
#include "operators/kernel_matrices/kernel_preconditioner.hpp"

namespace kronwerk::operators {

struct KernelSolver::State {
  State(std::shared_ptr<const KernelOperator> kernel, KernelSolverSettings wanted);

  KrylovOutcome solve(std::span<const double> b, std::span<double> a, Index width, bool transposed);
  ColumnSystem system() const;
  /// @throws DataError if the method is not CG, ConfigurationError for no probes or steps
  void check_stochastic(const StochasticSettings& wanted) const;
  /// Vectors of the covariance of the preconditioner (or I), of this rank's rows x probes.
  std::vector<double> probes(const StochasticSettings& wanted) const;

  /// Of log det, by solves for all columns of the identity.
  KernelLogDeterminantGradient exact_gradient(const std::vector<std::string>& names);

  std::shared_ptr<const KernelOperator> op;
  KernelSolverSettings settings;
  bool symmetric = false;
  std::string method;
  std::string why;
  std::optional<KernelDense> dense;           ///< set: direct
  std::optional<LowRankInverse> inverse;      ///< of CG; may be empty
  std::optional<KrylovSolver> krylov_solver;  ///< set: other methods

 private:
  void choose();
  void factorise(const std::string& reason);
  bool try_conjugate_gradients(double limit);
  void refuse_singular(const KernelApproximation& found) const;
  void iterate_without_preconditioner();
  KrylovOutcome solve_dense(std::span<const double> b, std::span<double> a, Index width,
                            bool transposed) const;
  KrylovOutcome solve_by_columns(std::span<const double> b, std::span<double> a, Index width,
                                 bool transposed);

  std::shared_ptr<const KernelOperator> single;  ///< for one right-hand side at a time
};

}  // namespace kronwerk::operators
