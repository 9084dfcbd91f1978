#include "operators/krylov/krylov_petsc.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>
#include <limits>
#include <sstream>

#include "kronwerk/operators/petsc/petsc_options.hpp"
#include "kronwerk/operators/petsc/shell.hpp"

namespace kronwerk::operators {
namespace {

#if PETSC_VERSION_LT(3, 24, 0)
constexpr auto rtol_of_normal_equations = KSP_CONVERGED_RTOL_NORMAL;
constexpr auto atol_of_normal_equations = KSP_CONVERGED_ATOL_NORMAL;
#else
constexpr auto rtol_of_normal_equations = KSP_CONVERGED_RTOL_NORMAL_EQUATIONS;
constexpr auto atol_of_normal_equations = KSP_CONVERGED_ATOL_NORMAL_EQUATIONS;
#endif

using End = KrylovRun::End;

/// The names of the user's options that begin with -ksp_ or -pc_.
std::vector<std::string> user_options() {
  char* all = nullptr;
  check_petsc(PetscOptionsGetAll(nullptr, &all));
  std::istringstream words(all);
  check_petsc(PetscFree(all));
  std::vector<std::string> names;
  for (std::string word; words >> word;) {
    if (word.starts_with("-ksp_") || word.starts_with("-pc_")) names.push_back(word);
  }
  return names;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

PetscInt petsc_count(Index count) {
  return static_cast<PetscInt>(std::min<Index>(count, std::numeric_limits<PetscInt>::max()));
}

LinearSolver create_solver(const communication::Communicator& comm,
                           const KrylovSettings& settings) {
  KSP raw = nullptr;
  check_petsc(KSPCreate(comm.get(), &raw));
  LinearSolver solver = LinearSolver::adopt(raw);
  check_petsc(KSPSetType(raw, ksp_type(settings.method)));
  // A right-hand side may be as small as it likes, so no absolute tolerance.
  check_petsc(
      KSPSetTolerances(raw, settings.tolerance, 0.0, 1e10, petsc_count(settings.max_iterations)));
  PC preconditioner = nullptr;
  check_petsc(KSPGetPC(raw, &preconditioner));
  check_petsc(PCSetType(preconditioner, PCNONE));
  return solver;
}

/// The tolerance is meant for the residual of the system itself: where the method that will run can
/// watch that one, it does, unless the user chose a norm or a side.
void watch_true_residual(KSP solver) {
  const auto options = user_options();
  if (contains(options, "-ksp_norm_type") || contains(options, "-ksp_pc_side")) return;
  KSPType raw_type = nullptr;
  check_petsc(KSPGetType(solver, &raw_type));
  const std::string type = raw_type;
  constexpr std::array right_sided = {KSPGMRES, KSPFGMRES, KSPLGMRES, KSPBCGS, KSPCGS, KSPTFQMR};
  const bool right = std::find(right_sided.begin(), right_sided.end(), type) != right_sided.end();
  if (!right && type != KSPCG) return;
  check_petsc(KSPSetNormType(solver, KSP_NORM_UNPRECONDITIONED));
  if (right) check_petsc(KSPSetPCSide(solver, PC_RIGHT));
}

std::string failure_text(KSPConvergedReason reason) {
  const std::string name = KSPConvergedReasons[reason];
  switch (reason) {
    case KSP_DIVERGED_INDEFINITE_MAT:
      return name + ": the operator is not definite, which CG needs; use gmres or bicgstab";
    case KSP_DIVERGED_INDEFINITE_PC:
      return name + ": the preconditioner is not definite, which CG needs; use gmres or bicgstab";
    case KSP_DIVERGED_NANORINF:
      return name + ": numbers that are not finite came up";
    case KSP_DIVERGED_DTOL:
      return name + ": the residual grew beyond all bounds";
    case KSP_DIVERGED_BREAKDOWN:
    case KSP_DIVERGED_BREAKDOWN_BICG:
      return name + ": the method cannot go on from where it is";
    default:
      return name;
  }
}

/// A vector that is this rank's part of memory owned elsewhere.
Vector view(const communication::Communicator& comm, std::span<const double> values) {
  Vec raw = nullptr;
  check_petsc(VecCreateMPIWithArray(comm.get(), 1, core::narrow<PetscInt>(values.size()),
                                    PETSC_DETERMINE, values.data(), &raw));
  return Vector::adopt(raw);
}

class PetscIteration final : public KrylovIteration {
 public:
  PetscIteration(const PreconditionedOperator& op, const KrylovSettings& settings)
      : comm_(&op.op().comm()),
        matrix_(make_shell_matrix(op.op_ptr())),
        solver_(create_solver(*comm_, settings)) {
    KSP raw = solver_.get();
    check_petsc(KSPSetOperators(raw, matrix_.get(), matrix_.get()));
    if (op.preconditioned()) {
      PC preconditioner = nullptr;
      check_petsc(KSPGetPC(raw, &preconditioner));
      set_shell_preconditioner(preconditioner, op.preconditioner_ptr());
    }
    check_petsc(KSPMonitorSet(raw, monitor, this, nullptr));
    check_petsc_options(KSPSetFromOptions(raw));
    watch_true_residual(raw);
  }

  void run(KrylovRun& run) override {
    run_ = &run;
    run.iterate = [this](std::vector<double>& room) -> std::span<const double> {
      room.resize(run_->x.size());
      const Vector built = view(*comm_, room);
      check_petsc(KSPBuildSolution(solver_.get(), built.get(), nullptr));
      return room;
    };
    failure_ = nullptr;
    first_iteration_ = run.iterations;
    KSP raw = solver_.get();
    const Vector right = view(*comm_, run.b);
    const Vector solution = view(*comm_, run.x);
    // From zero, PETSc takes the tolerance relative to the right-hand side it is given, which may
    // be a residual; from elsewhere, b is that right-hand side.
    const double tolerance = run.zero_start ? run.tolerance / run.residual[0] : run.tolerance;
    check_petsc(KSPSetTolerances(raw, tolerance, PETSC_DEFAULT, PETSC_DEFAULT,
                                 petsc_count(run.max_iterations - run.iterations)));
    check_petsc(KSPSetInitialGuessNonzero(raw, run.zero_start ? PETSC_FALSE : PETSC_TRUE));
    const PetscErrorCode code = run.transposed ? KSPSolveTranspose(raw, right.get(), solution.get())
                                               : KSPSolve(raw, right.get(), solution.get());
    if (failure_) std::rethrow_exception(failure_);
    options_text({"-ksp_", "-pc_"}).empty() ? check_petsc(code) : check_petsc_options(code);
    run.iterate = {};
    PetscInt iterations = 0;
    KSPConvergedReason reason = KSP_CONVERGED_ITERATING;
    check_petsc(KSPGetIterationNumber(raw, &iterations));
    check_petsc(KSPGetConvergedReason(raw, &reason));
    run.iterations = first_iteration_ + iterations;
    finish(run, reason);
  }

 private:
  static void finish(KrylovRun& run, KSPConvergedReason reason) {
    switch (reason) {
      case KSP_CONVERGED_RTOL:
      case rtol_of_normal_equations:
      case KSP_CONVERGED_HAPPY_BREAKDOWN:
        return run.finish(0, End::converged);
      case KSP_CONVERGED_ATOL:
      case atol_of_normal_equations:
        return run.finish(0, run.residual[0] > 0 ? End::accepted : End::converged);
      case KSP_DIVERGED_ITS:
        return;
      case KSP_DIVERGED_BREAKDOWN:
      case KSP_DIVERGED_BREAKDOWN_BICG:
        return run.finish(0, End::breakdown, failure_text(reason));
      default:
        break;
    }
    if (reason > 0) return run.finish(0, End::final, KSPConvergedReasons[reason]);
    run.finish(0, End::failed, failure_text(reason));
  }

  static PetscErrorCode monitor(KSP solver, PetscInt iteration, PetscReal residual, void* context) {
    auto& self = *static_cast<PetscIteration*>(context);
    try {
      self.note(solver, iteration, residual);
    } catch (...) {
      self.failure_ = std::current_exception();
      return PETSC_ERR_USER;
    }
    return 0;
  }

  void note(KSP solver, PetscInt iteration, PetscReal residual) {
    KSPNormType norm = KSP_NORM_DEFAULT;
    check_petsc(KSPGetNormType(solver, &norm));
    if (iteration == 0) {
      // Another norm than that of the system's residual is put in relation to its own beginning.
      scale_ = norm == KSP_NORM_UNPRECONDITIONED || residual == 0 ? run_->scale[0]
                                                                  : residual / run_->residual[0];
      return;  // the residual of the start is known already
    }
    run_->residual[0] = residual / scale_;
    run_->iterations = first_iteration_ + iteration;
    run_->report();
  }

  const communication::Communicator* comm_;
  Matrix matrix_;
  LinearSolver solver_;
  KrylovRun* run_ = nullptr;
  Index first_iteration_ = 0;
  double scale_ = 1;
  std::exception_ptr failure_;
};

}  // namespace

const char* ksp_type(KrylovMethod method) {
  switch (method) {
    case KrylovMethod::cg:
      return KSPCG;
    case KrylovMethod::bicgstab:
      return KSPBCGS;
    case KrylovMethod::minres:
      return KSPMINRES;
    case KrylovMethod::gmres:
      break;
  }
  return KSPGMRES;
}

KspChoice choose_ksp(const communication::Communicator& comm, const KrylovSettings& settings) {
  const LinearSolver solver = create_solver(comm, settings);
  check_petsc_options(KSPSetFromOptions(solver.get()));
  KSPType type = nullptr;
  PetscReal tolerance = 0;
  PetscInt max_iterations = 0;
  check_petsc(KSPGetType(solver.get(), &type));
  check_petsc(KSPGetTolerances(solver.get(), &tolerance, nullptr, nullptr, &max_iterations));
  if (max_iterations < 0) {
    throw core::ConfigurationError(
        fmt::format("PETSc's option '-ksp_max_it {}' must not be negative", max_iterations));
  }
  const auto options = user_options();
  const std::vector<std::string> usual = {"-ksp_type", "-ksp_rtol", "-ksp_max_it"};
  const bool only_usual = std::all_of(options.begin(), options.end(), [&](const std::string& name) {
    return contains(usual, name);
  });
  std::string preconditioner;
  if (contains(options, "-pc_type")) {
    PC pc = nullptr;
    PCType pc_type = nullptr;
    check_petsc(KSPGetPC(solver.get(), &pc));
    check_petsc(PCGetType(pc, &pc_type));
    if (pc_type != nullptr) preconditioner = pc_type;
  }
  return {type, tolerance, max_iterations, preconditioner, only_usual};
}

std::unique_ptr<KrylovIteration> make_petsc_iteration(const PreconditionedOperator& op,
                                                      const KrylovSettings& settings) {
  return std::make_unique<PetscIteration>(op, settings);
}

}  // namespace kronwerk::operators
