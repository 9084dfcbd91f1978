#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/operators/krylov/krylov.hpp"
#include "operators/krylov/krylov_columns.hpp"

namespace kronwerk::operators {

/// What the iterations of one solve() work on. Everything per column is the same on every rank.
struct KrylovRun {
  /// How the last run of the iteration left a column.
  enum class End {
    running,    ///< not at its end: the limit of iterations came first
    converged,  ///< says the residual that the method carries along
    accepted,   ///< by a criterion of the user; not to be questioned
    final,      ///< ended by the user's choice of method; not to be restarted
    breakdown,  ///< may be restarted from the present x
    failed,     ///< `failure` says why
  };

  std::span<const double> b;
  std::span<double> x;
  std::span<double> r;  ///< b - Op x on entry to run(); scratch afterwards
  bool transposed = false;
  bool zero_start = false;  ///< x is zero: of use to the first run
  double tolerance = 0;
  double divergence = 0;  ///< residuals above this many times the right-hand side end a column
  Index max_iterations = 0;

  std::vector<char> active;  ///< columns that the run is to work on, and is still working on
  PerColumn scale;           ///< ‖b_c‖
  PerColumn residual;        ///< relative, as far as known
  std::vector<End> end;
  std::vector<std::string> failure;

  bool accepted_by_option = false;  ///< End::accepted with a residual above the tolerance
  Index iterations = 0;
  std::vector<double> history;
  std::function<void(Index, double)> on_iteration;       ///< may be empty
  std::function<void(const KrylovIterate&)> on_iterate;  ///< likewise
  KrylovIterate iterate;   ///< what x would be if the method ended now; empty: x itself
  KrylovIterate solution;  ///< what the system's solution would be; empty: the iterate

  bool any_active() const;
  double largest_residual() const;
  void finish(std::size_t column, End how, std::string why = {});
  /// Counts an iteration whose squared residuals of the active columns are given: ends those that
  /// converged, diverged or are not finite.
  void record(const PerColumn& squared_residuals);
  /// Tells the history and whoever wants to know what the present residuals and iterates are.
  void report();
  std::span<const double> present(std::vector<double>& room) const {
    return iterate ? iterate(room) : std::span<const double>(x);
  }
};

/// A method that improves x from its present value.
class KrylovIteration {
 public:
  virtual ~KrylovIteration() = default;
  /// Collective. Ends every active column or reaches run.max_iterations.
  virtual void run(KrylovRun& run) = 0;
};

/// Op and its preconditioner in one of the two directions.
class PreconditionedOperator {
 public:
  PreconditionedOperator(OperatorPtr op, OperatorPtr preconditioner)
      : op_(std::move(op)), preconditioner_(std::move(preconditioner)) {}

  const LinearOperator& op() const noexcept { return *op_; }
  const OperatorPtr& op_ptr() const noexcept { return op_; }
  const OperatorPtr& preconditioner_ptr() const noexcept { return preconditioner_; }
  bool preconditioned() const noexcept { return preconditioner_ != nullptr; }
  void apply(bool transposed, std::span<const double> x, std::span<double> y) const;
  /// r = b - Op x. Collective.
  void residual(bool transposed, std::span<const double> b, std::span<const double> x,
                std::span<double> r) const;
  /// An approximation of Op⁻¹ r: in `z`, or r itself without a preconditioner. Collective.
  std::span<const double> precondition(bool transposed, std::span<const double> r,
                                       std::span<double> z) const;

 private:
  OperatorPtr op_;
  OperatorPtr preconditioner_;
};

/// Both keep their vectors for their life; `map` and `op` must outlive them.
std::unique_ptr<KrylovIteration> make_column_cg(const ColumnMap& map,
                                                const PreconditionedOperator& op);
std::unique_ptr<KrylovIteration> make_column_bicgstab(const ColumnMap& map,
                                                      const PreconditionedOperator& op);

}  // namespace kronwerk::operators
