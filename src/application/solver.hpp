#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/configuration/job.hpp"
#include "kronwerk/operators/kronecker_product.hpp"

namespace kronwerk::application {

/// Solves with one operator, forward and transposed.
class ProductSolver {
 public:
  virtual ~ProductSolver() = default;
  /// Op x = b in the home layout; x and b must not overlap. Collective.
  virtual void solve(std::span<const double> b, std::span<double> x) = 0;
  /// Opᵀ x = b. Collective.
  virtual void solve_transposed(std::span<const double> b, std::span<double> x) = 0;
};

/// What the iterative solves of a job did; one for all its blocks.
struct SolveRecord {
  bool converged = true;
  std::string reason;  ///< PETSc's name of why a solve stopped without convergence
  core::Index iterations = 0;
  std::function<void(core::Index)> on_iteration;  ///< told the number of each iteration, if set
  std::vector<double> history;  ///< relative residuals of the forward solves, one after the other
};

/// Applies `inverse`, the product of the factors' inverses, and its transpose. Collective.
std::unique_ptr<ProductSolver> make_direct_solver(operators::KroneckerProduct inverse);

/// PETSc's KSP on the shell matrix of `product`, as the settings and PETSc's options say.
/// Collective.
/// @param record  must outlive the solver
std::unique_ptr<ProductSolver> make_krylov_solver(const operators::KroneckerProduct& product,
                                                  const configuration::SolverSettings& settings,
                                                  SolveRecord& record);

/// "direct (the operator is one Kronecker product: …)", for the report.
std::string method_text(configuration::Method method);

}  // namespace kronwerk::application
