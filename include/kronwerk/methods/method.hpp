#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/configuration/job.hpp"
#include "kronwerk/methods/krylov_setup.hpp"
#include "kronwerk/methods/operator_builder.hpp"
#include "kronwerk/methods/operator_formula.hpp"
#include "kronwerk/methods/spectral_form.hpp"

namespace kronwerk::methods {

/// How a system with the operator is solved.
enum class MethodKind {
  product,   ///< the product of the factors' inverses
  spectral,  ///< in bases that make every factor simple
  krylov,    ///< iteration
};

/// The method chosen for one operator, with what it needs.
struct Method {
  MethodKind kind = MethodKind::product;
  std::string why;  ///< "direct: the operator is one Kronecker product, …", for plan and report
  std::optional<SpectralForm> form;
  std::optional<KrylovSetup> krylov;

  bool direct() const noexcept { return kind != MethodKind::krylov; }
};

/// What the formula and the sizes alone say: the kind and why. Used by `plan` and for memory, and
/// followed by choose_method() unless the data have no such bases.
Method foresee_method(const OperatorFormula& formula, configuration::Method wanted,
                      Index right_sides, int ranks, const std::set<std::string>& symmetric);

/// The method for this operator: decomposes what it needs. Collective.
/// @throws ConfigurationError if solver.method is `direct` and the operator has no such structure
Method choose_method(OperatorData& data, const OperatorFormula& formula,
                     configuration::Method wanted, Index right_sides);

/// What the iterative solves of a job did; one for all its blocks.
struct SolveRecord {
  bool converged = true;
  std::string reason;               ///< why a solve stopped without convergence
  bool accepted_by_option = false;  ///< a criterion of the user's accepted the last solve
  Index iterations = 0;
  /// Told the number of each iteration on every rank, if set; what it throws on all of them ends
  /// the solve.
  std::function<void(Index)> on_iteration;
  /// Fills the block with where a solve is to start, if set; false: it starts at zero.
  std::function<bool(std::span<double> x)> start;
  /// Told the iterate after each iteration, before on_iteration, if set when the solver is made.
  std::function<void(const operators::KrylovIterate&)> on_iterate;
  std::vector<double> history;  ///< relative residuals of the forward solves, one after the other
};

/// Solves with one operator, forward and transposed, in home layouts.
class Solver {
 public:
  virtual ~Solver() = default;
  /// Op x = b (or Opᵀ x = b); x and b must not overlap. Collective.
  virtual void solve(std::span<const double> b, std::span<double> x, bool transposed) = 0;
  /// Op⁻¹ of a direct method, for refinement; null for others.
  virtual OperatorPtr inverse() const { return nullptr; }
  /// What iterates, PETSc's options heard: "minres, preconditioned by …"; empty for direct methods.
  virtual std::string description() const = 0;
  /// The tolerance that counts: the job's, or that of PETSc's options.
  virtual double tolerance(double asked) const { return asked; }
  int leading_modes() const noexcept { return leading_modes_; }

 protected:
  explicit Solver(int leading_modes) : leading_modes_(leading_modes) {}

 private:
  int leading_modes_;  ///< the split of its layouts
};

/// Collective.
/// @param products       the lowered operator
/// @param record         must outlive the solver
/// @param leading_modes  the split of its layouts; what suits the method if absent
std::unique_ptr<Solver> make_solver(const OperatorBuilder& builder, const Method& method,
                                    std::span<const expressions::LoweredProduct> products,
                                    Index batch, const configuration::SolverSettings& settings,
                                    SolveRecord& record,
                                    std::optional<int> leading_modes = std::nullopt);

/// The Krylov method of `setup`; the same for one operator that is iterated with. Collective.
std::unique_ptr<Solver> make_krylov_solver(const OperatorBuilder& builder, const KrylovSetup& setup,
                                           std::span<const expressions::LoweredProduct> products,
                                           Index batch,
                                           const configuration::SolverSettings& settings,
                                           SolveRecord& record,
                                           std::optional<int> leading_modes = std::nullopt);

/// The structures that `solver.method: direct` can solve, for messages.
std::string direct_structures();

}  // namespace kronwerk::methods
