#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "kronwerk/operators/krylov/krylov.hpp"
#include "operators/krylov/krylov_method.hpp"
#include "operators/krylov/krylov_petsc.hpp"

namespace kronwerk::operators {

/// What a solver keeps, and how it solves: the methods are in krylov_solve.cpp.
struct KrylovSolver::State {
  State(OperatorPtr op, OperatorPtr preconditioner, Index batch, KrylovSettings wanted)
      : settings(std::move(wanted)),
        system(std::move(op), std::move(preconditioner)),
        map(system.op().comm(), system.op().input_layout(), batch),
        choice(choose_ksp(system.op().comm(), settings)) {}

  KrylovOutcome solve(std::span<const double> b, std::span<double> x, bool transposed,
                      double sharper);
  KrylovOutcome solve_scaled(std::span<const double> b, std::span<double> x, bool transposed,
                             double sharper);
  KrylovOutcome solve_by_columns(std::span<const double> b, std::span<double> x, bool transposed,
                                 double sharper);
  void check_sizes(std::span<const double> b, std::span<const double> x) const;
  void tell(const KrylovIterate& iterate) const;
  void start(KrylovRun& run);
  void improve(KrylovRun& run);
  void judge(KrylovRun& run, std::vector<double>& before, bool first) const;
  KrylovOutcome outcome(KrylovRun& run) const;

  KrylovSettings settings;
  PreconditionedOperator system;
  ColumnMap map;
  KspChoice choice;
  std::unique_ptr<KrylovIteration> iteration;
  std::vector<double> residual;
  std::optional<PreconditionedOperator> combined;  ///< set: the iteration's, Op times M
  std::vector<double> correction;                  ///< what it solves for
  std::unique_ptr<KrylovSolver> column_solver;     ///< set: solves the columns one after the other
  std::function<void(std::span<double>)> unscale;  ///< set: while right-hand sides are scaled
  distribution::Layout column_layout;
};

}  // namespace kronwerk::operators
