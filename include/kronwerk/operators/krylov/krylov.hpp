#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/operators/base/judge.hpp"
#include "kronwerk/operators/base/linear_operator.hpp"

namespace kronwerk::operators {

/// minres: for symmetric, perhaps indefinite operators; only without a preconditioner or with a
/// positive definite one.
enum class KrylovMethod { cg, bicgstab, gmres, minres };
std::string to_text(KrylovMethod method);

/// This rank's block of the solution as an iteration has it now: in `room`, which is made as large
/// as it needs to be, or where it is. Collective.
using KrylovIterate = std::function<std::span<const double>(std::vector<double>& room)>;

struct KrylovSettings {
  KrylovMethod method = KrylovMethod::gmres;
  double tolerance = 1e-10;  ///< on the true residual relative to the right-hand side, per column
  Index max_iterations = 1000;
  /// Told the number of each iteration and the largest relative residual; may throw to stop.
  std::function<void(Index, double)> on_iteration;
  /// Told after each iteration, before on_iteration, if set; where right-hand sides are solved one
  /// after the other, after each of them.
  std::function<void(const KrylovIterate&)> on_iterate{};
};

/// How one call of solve() went.
struct KrylovOutcome {
  bool converged = true;
  std::string reason;             ///< why not, in words: "KSP_DIVERGED_ITS", "stagnation at 1e-8"
  Index iterations = 0;           ///< of the slowest column
  std::vector<double> residuals;  ///< true relative residual of each column, recomputed at the end
  std::vector<double> history;    ///< largest relative residual of each iteration
  /// A criterion of the user's, such as -ksp_atol, took a residual above the tolerance.
  bool accepted_by_option = false;
  Index refinements = 0;                  ///< of direct methods
  std::optional<RoundingLevel> rounding;  ///< of direct methods, see Verdict
};

/// Op x = b (or Opᵀ x = b) by Krylov iteration with a preconditioner.
///
/// One column: PETSc's KSP on the shell matrix, so every -ksp_* and -pc_* option works and wins.
/// Several columns (the batch, which must be the first mode of the layouts): our own CG and
/// BiCGStab with coefficients and convergence per column, one application and one reduction for
/// all columns; other methods run column by column on `column`.
class KrylovSolver {
 public:
  /// Collective.
  /// @param op              square; its first mode is the batch if batch > 1
  /// @param preconditioner  an approximate inverse with the same layouts; may be null
  /// @param column_op, column_preconditioner  the same for one column; needed if batch > 1 and the
  /// method (or an option of the user) is none that works on all columns together; may be null
  /// @param combined        Op times the preconditioner, where that costs less than one after the
  /// other (see combine_with_inverse); may be null. The iteration then works on it and knows no
  /// other preconditioner, for which CG needs it to be symmetric: factors that commute. Options of
  /// the user that it cannot heed put it aside.
  KrylovSolver(OperatorPtr op, OperatorPtr preconditioner, Index batch, KrylovSettings settings,
               OperatorPtr column_op = nullptr, OperatorPtr column_preconditioner = nullptr,
               OperatorPtr combined = nullptr);
  ~KrylovSolver();
  KrylovSolver(KrylovSolver&&) noexcept;

  /// x holds the start on entry (zero: fill it). Right-hand sides may be of any size. Collective.
  /// @param sharper  times the tolerance, for this solve
  KrylovOutcome solve(std::span<const double> b, std::span<double> x, bool transposed = false,
                      double sharper = 1);
  /// What will run: "cg" or the user's -ksp_type.
  std::string method_name() const;
  /// The preconditioner that runs by the user's -pc_type; empty if it is the one given.
  const std::string& preconditioner_option() const noexcept;
  /// The tolerance of the settings, or the user's -ksp_rtol.
  double tolerance() const noexcept;
  /// Vectors of the size of x that the method keeps.
  static Index vectors_kept(KrylovMethod method);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// <x_c, y_c> for every column of a batched home block (batch = first mode if > 1). One reduction.
/// Collective.
std::vector<double> column_dots(const communication::Communicator& comm,
                                const distribution::Layout& layout, Index batch,
                                std::span<const double> x, std::span<const double> y);

}  // namespace kronwerk::operators
