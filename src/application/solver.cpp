#include "application/solver.hpp"

#include <petscksp.h>

#include <optional>

#include "application/signals.hpp"
#include "kronwerk/operators/petsc.hpp"

namespace kronwerk::application {
namespace {

using operators::check_petsc;
using operators::KroneckerProduct;

class DirectSolver final : public ProductSolver {
 public:
  explicit DirectSolver(KroneckerProduct inverse) : inverse_(std::move(inverse)) {}

  void solve(std::span<const double> b, std::span<double> x) override { inverse_.apply(b, x); }
  void solve_transposed(std::span<const double> b, std::span<double> x) override {
    if (!transposed_) transposed_ = inverse_.transposed();
    transposed_->apply(b, x);
  }

 private:
  KroneckerProduct inverse_;
  std::optional<KroneckerProduct> transposed_;
};

class KrylovSolver final : public ProductSolver {
 public:
  KrylovSolver(const KroneckerProduct& product, const configuration::SolverSettings& settings,
               SolveRecord& record)
      : comm_(&product.comm()), record_(&record) {
    matrix_ = operators::make_shell_matrix(std::make_shared<const KroneckerProduct>(product));
    KSP raw = nullptr;
    check_petsc(KSPCreate(comm_->get(), &raw));
    solver_ = operators::LinearSolver::adopt(raw);
    check_petsc(KSPSetOperators(raw, matrix_.get(), matrix_.get()));
    check_petsc(KSPSetType(raw, KSPGMRES));
    PC preconditioner = nullptr;
    check_petsc(KSPGetPC(raw, &preconditioner));
    check_petsc(PCSetType(preconditioner, PCNONE));
    check_petsc(KSPSetTolerances(raw, settings.tolerance, PETSC_DEFAULT, PETSC_DEFAULT,
                                 static_cast<PetscInt>(settings.max_iterations)));
    check_petsc(KSPMonitorSet(raw, monitor, this, nullptr));
    check_petsc(KSPSetFromOptions(raw));
  }

  void solve(std::span<const double> b, std::span<double> x) override { run(b, x, false); }
  void solve_transposed(std::span<const double> b, std::span<double> x) override {
    run(b, x, true);
  }

 private:
  static PetscErrorCode monitor(KSP /*solver*/, PetscInt iteration, PetscReal residual,
                                void* context) {
    auto& self = *static_cast<KrylovSolver*>(context);
    try {
      if (iteration == 0) self.first_residual_ = residual;
      const double scale = self.first_residual_ > 0 ? self.first_residual_ : 1;
      if (self.recording_) self.record_->history.push_back(residual / scale);
      if (self.record_->on_iteration) self.record_->on_iteration(iteration);
      check_termination(*self.comm_);
    } catch (...) {
      self.failure_ = std::current_exception();
      return PETSC_ERR_USER;
    }
    return 0;
  }

  /// A vector that is this rank's part of memory owned elsewhere.
  operators::Vector view(std::span<const double> values) const {
    PetscInt rows = 0;
    check_petsc(MatGetLocalSize(matrix_.get(), &rows, nullptr));
    Vec raw = nullptr;
    check_petsc(VecCreateMPIWithArray(comm_->get(), 1, rows, PETSC_DETERMINE, values.data(), &raw));
    return operators::Vector::adopt(raw);
  }

  void run(std::span<const double> b, std::span<double> x, bool transposed) {
    const operators::Vector right = view(b);
    const operators::Vector solution = view(x);
    recording_ = !transposed;
    failure_ = nullptr;
    const PetscErrorCode code = transposed
                                    ? KSPSolveTranspose(solver_.get(), right.get(), solution.get())
                                    : KSPSolve(solver_.get(), right.get(), solution.get());
    if (failure_) std::rethrow_exception(failure_);
    check_petsc(code);
    KSPConvergedReason reason = KSP_CONVERGED_ITERATING;
    PetscInt iterations = 0;
    check_petsc(KSPGetConvergedReason(solver_.get(), &reason));
    check_petsc(KSPGetIterationNumber(solver_.get(), &iterations));
    if (reason <= 0) {
      record_->converged = false;
      record_->reason = KSPConvergedReasons[reason];
    }
    record_->iterations += iterations;
  }

  const communication::Communicator* comm_;
  SolveRecord* record_;
  operators::Matrix matrix_;
  operators::LinearSolver solver_;
  double first_residual_ = 0;
  bool recording_ = true;
  std::exception_ptr failure_;
};

}  // namespace

std::unique_ptr<ProductSolver> make_direct_solver(KroneckerProduct inverse) {
  return std::make_unique<DirectSolver>(std::move(inverse));
}

std::unique_ptr<ProductSolver> make_krylov_solver(const KroneckerProduct& product,
                                                  const configuration::SolverSettings& settings,
                                                  SolveRecord& record) {
  return std::make_unique<KrylovSolver>(product, settings, record);
}

std::string method_text(configuration::Method method) {
  switch (method) {
    case configuration::Method::automatic:
      return "direct: the operator is one Kronecker product, so the product of the factors' "
             "inverses "
             "solves it";
    case configuration::Method::direct:
      return "direct: asked for by solver.method; the product of the factors' inverses";
    case configuration::Method::krylov:
      break;
  }
  return "krylov: asked for by solver.method";
}

}  // namespace kronwerk::application
