// See src/MATHEMATICS.md, "Krylov methods and the nearest product".
#include "kronwerk/operators/krylov/krylov.hpp"

#include <fmt/format.h>

#include "kronwerk/operators/petsc/petsc.hpp"
#include "operators/krylov/krylov_state.hpp"

namespace kronwerk::operators {
namespace {

/// Whether every rank has the same piece of the vectors: splits may differ where it does not
/// matter.
bool same_blocks(const distribution::Layout& one, const distribution::Layout& two) {
  bool same = one.extents() == two.extents() && one.parts() == two.parts();
  for (int part = 0; part < one.parts() && same; ++part) {
    same = one.home_begin(part) == two.home_begin(part);
  }
  return same;
}

void check_square(const LinearOperator& op, const char* what) {
  const auto& in = op.input_layout();
  const auto& out = op.output_layout();
  if (same_blocks(in, out)) return;
  throw core::ShapeError(
      fmt::format("a Krylov method needs a square operator with equal layouts; the {} maps {} "
                  "(split after mode {}) to {} (split after mode {})",
                  what, core::to_text(in.extents()), in.leading_modes(),
                  core::to_text(out.extents()), out.leading_modes()));
}

void check_pair(const OperatorPtr& op, const OperatorPtr& preconditioner) {
  check_square(*op, "operator");
  if (!preconditioner) return;
  check_square(*preconditioner, "preconditioner");
  const auto& ours = op->input_layout();
  const auto& theirs = preconditioner->input_layout();
  if (same_blocks(ours, theirs)) return;
  throw core::ShapeError(
      fmt::format("the preconditioner's grid {} (split after mode {}) is not the operator's {} "
                  "(split after mode {})",
                  core::to_text(theirs.extents()), theirs.leading_modes(),
                  core::to_text(ours.extents()), ours.leading_modes()));
}

}  // namespace

std::string to_text(KrylovMethod method) {
  switch (method) {
    case KrylovMethod::cg:
      return "cg";
    case KrylovMethod::bicgstab:
      return "bicgstab";
    case KrylovMethod::minres:
      return "minres";
    case KrylovMethod::gmres:
      break;
  }
  return "gmres";
}

KrylovSolver::KrylovSolver(OperatorPtr op, OperatorPtr preconditioner, Index batch,
                           KrylovSettings settings, OperatorPtr column_op,
                           OperatorPtr column_preconditioner, OperatorPtr combined) {
  check_pair(op, preconditioner);
  if (combined) check_pair(op, combined);
  const bool preconditioned = preconditioner != nullptr;
  state_ =
      std::make_unique<State>(std::move(op), std::move(preconditioner), batch, std::move(settings));
  State& state = *state_;
  const bool cg = state.choice.type == KSPCG;
  const bool bicgstab = state.choice.type == KSPBCGS;
  const bool together = batch > 1 && state.choice.only_usual_options && (cg || bicgstab);
  if (batch > 1 && !together) {
    if (!column_op) {
      throw core::ConfigurationError(fmt::format(
          "the Krylov method '{}' with the options given solves one right-hand side at a time, and "
          "there is no operator for one here; use cg or bicgstab without further -ksp_ or -pc_ "
          "options",
          state.choice.type));
    }
    state.column_layout = column_op->input_layout();
    if (state.column_layout.size() * batch != state.system.op().input_layout().size()) {
      throw core::ShapeError(
          fmt::format("the operator for one column has the grid {}, that for {} columns {}",
                      core::to_text(state.column_layout.extents()), batch,
                      core::to_text(state.system.op().input_layout().extents())));
    }
    KrylovSettings of_column = state.settings;
    of_column.on_iterate = {};  // of one column, it would be no block of all
    state.column_solver = std::make_unique<KrylovSolver>(
        std::move(column_op), std::move(column_preconditioner), 1, std::move(of_column));
    return;
  }
  const int rank = state.system.op().comm().rank();
  state.residual.resize(static_cast<std::size_t>(state.system.op().input_layout().home_size(rank)));
  if (combined && preconditioned && state.choice.only_usual_options &&
      state.choice.type == ksp_type(state.settings.method)) {
    state.combined.emplace(std::move(combined), nullptr);
    state.correction.resize(state.residual.size());
  }
  const PreconditionedOperator& system = state.combined ? *state.combined : state.system;
  if (together || (state.combined && (cg || bicgstab))) {
    state.iteration =
        cg ? make_column_cg(state.map, system) : make_column_bicgstab(state.map, system);
  } else {
    state.iteration = make_petsc_iteration(system, state.settings);
  }
}

KrylovSolver::~KrylovSolver() = default;
KrylovSolver::KrylovSolver(KrylovSolver&&) noexcept = default;

std::string KrylovSolver::method_name() const {
  const std::string& type = state_->choice.type;
  return type == KSPBCGS ? to_text(KrylovMethod::bicgstab) : type;
}

Index KrylovSolver::vectors_kept(KrylovMethod method) {
  // One is the residual that the others start from and end with.
  switch (method) {
    case KrylovMethod::cg:
      return 4;
    case KrylovMethod::bicgstab:
      return 8;
    case KrylovMethod::minres:
      return 9;
    case KrylovMethod::gmres:
      break;
  }
  Index restart = 30;
  PetscBool initialised = PETSC_FALSE;
  check_petsc(PetscInitialized(&initialised));
  if (initialised == PETSC_TRUE) {
    PetscInt asked = 30;
    check_petsc(PetscOptionsGetInt(nullptr, nullptr, "-ksp_gmres_restart", &asked, nullptr));
    restart = asked;
  }
  return restart + 5;
}

const std::string& KrylovSolver::preconditioner_option() const noexcept {
  return state_->choice.preconditioner;
}

double KrylovSolver::tolerance() const noexcept {
  return state_->choice.tolerance;
}

KrylovOutcome KrylovSolver::solve(std::span<const double> b, std::span<double> x, bool transposed,
                                  double sharper) {
  state_->check_sizes(b, x);
  return state_->column_solver ? state_->solve_by_columns(b, x, transposed, sharper)
                               : state_->solve_scaled(b, x, transposed, sharper);
}

}  // namespace kronwerk::operators
