// TAO's bounded quasi-Newton methods on a handful of coordinates, all of them on rank 0: what the
// ranks decide is then decided by the same numbers, and PETSc's reductions bring it to all.
#include "models/fit/minimise.hpp"

#include <fmt/format.h>
#include <petsctao.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <limits>

#include "kronwerk/operators/petsc/petsc_options.hpp"

namespace kronwerk::models {
namespace {

using operators::check_petsc;
using operators::Vector;
using TaoHandle = operators::PetscHandle<Tao, TaoDestroy>;

// A line search that finds no decrease any more has reached rounding if the gradient is this small
// beside the function (whose second derivatives grow with it) ...
constexpr double rounding_gradient = 1e-7;
// ... or within this many tolerances, ...
constexpr double nearly = 100;
// ... or, where the gradient is an estimate, this many of its standard errors.
constexpr double standard_errors = 3;
// An iteration that changes a log density by less than this is of no account beside its estimate's
// error.
constexpr double smallest_change = 1e-3;
// Iterations in a row without any step after which none is expected.
constexpr Index most_still = 2;
// Steps shorter than this part of a coordinate are not worth an evaluation.
constexpr double shortest_step = 1e-10;

class Minimiser {
 public:
  Minimiser(const communication::Communicator& comm, const Function& function,
            const MinimisePoint& start, const MinimiseSettings& settings)
      : comm_(&comm), function_(&function), settings_(&settings), current_(start) {
    trial_ = current_;
  }

  MinimiseOutcome run() {
    const Vector solution = vector_of(current_.free);
    const Vector lower = vector_of(finite(settings_->lower));
    const Vector upper = vector_of(finite(settings_->upper));
    Tao raw = nullptr;
    check_petsc(TaoCreate(comm_->get(), &raw));
    const TaoHandle tao = TaoHandle::adopt(raw);
    check_petsc(TaoSetType(raw, TAOBQNLS));
    check_petsc(TaoSetSolution(raw, solution.get()));
    check_petsc(TaoSetVariableBounds(raw, lower.get(), upper.get()));
    check_petsc(TaoSetObjectiveAndGradient(raw, nullptr, objective, this));
    check_petsc(TaoSetConvergenceTest(raw, convergence_test, this));
    constexpr PetscInt unlimited = std::numeric_limits<int>::max();
    check_petsc(TaoSetMaximumIterations(raw, unlimited));
    check_petsc(TaoSetMaximumFunctionEvaluations(raw, unlimited));
    TaoLineSearch search = nullptr;
    check_petsc(TaoGetLineSearch(raw, &search));
    // Backtracking is what copes with points where the function is not defined.
    check_petsc(TaoLineSearchSetType(search, TAOLINESEARCHARMIJO));
    operators::check_petsc_options(TaoSetFromOptions(raw));
    const PetscErrorCode code = TaoSolve(raw);
    if (failure_) std::rethrow_exception(failure_);
    check_petsc(code);
    TaoConvergedReason reason = TAO_CONTINUE_ITERATING;
    check_petsc(TaoGetConvergedReason(raw, &reason));
    return outcome(reason);
  }

 private:
  bool holds_coordinates() const { return comm_->is_root(); }

  /// What TAO takes for no bound.
  static std::vector<double> finite(std::vector<double> bounds) {
    for (double& each : bounds) each = std::clamp<double>(each, PETSC_NINFINITY, PETSC_INFINITY);
    return bounds;
  }

  Vector vector_of(const std::vector<double>& values) const {
    Vec raw = nullptr;
    const auto size = core::narrow<PetscInt>(values.size());
    check_petsc(VecCreateMPI(comm_->get(), holds_coordinates() ? size : 0, size, &raw));
    Vector vector = Vector::adopt(raw);
    set(raw, values);
    return vector;
  }

  void set(Vec vector, const std::vector<double>& values) const {
    PetscScalar* entries = nullptr;
    check_petsc(VecGetArrayWrite(vector, &entries));
    if (holds_coordinates()) std::copy(values.begin(), values.end(), entries);
    check_petsc(VecRestoreArrayWrite(vector, &entries));
  }

  std::vector<double> get(Vec vector) const {
    std::vector<double> values(current_.free.size());
    const PetscScalar* entries = nullptr;
    check_petsc(VecGetArrayRead(vector, &entries));
    if (holds_coordinates()) std::copy(entries, entries + values.size(), values.begin());
    check_petsc(VecRestoreArrayRead(vector, &entries));
    comm_->broadcast(values);
    return values;
  }

  /// Null where the function is not defined or is not to be asked.
  const MinimisePoint* evaluate(const std::vector<double>& free) {
    if (free == current_.free) return &current_;
    if (trial_ && free == trial_->free) return &*trial_;
    bool short_step = true;
    for (std::size_t i = 0; i < free.size(); ++i) {
      const double change = std::abs(free[i] - current_.free[i]);
      if (!(change <= settings_->longest_step[i])) return nullptr;
      short_step = short_step && change <= shortest_step * std::max(1.0, std::abs(free[i]));
    }
    if (short_step) return nullptr;
    trial_ = (*function_)(free);
    return trial_ ? &*trial_ : nullptr;
  }

  void compute(Vec x, PetscReal* value, Vec gradient) {
    const MinimisePoint* point = evaluate(get(x));
    *value = point != nullptr ? point->value : std::numeric_limits<double>::infinity();
    set(gradient, point != nullptr ? point->gradient : std::vector<double>(current_.free.size()));
  }

  TaoConvergedReason judge(Vec solution) {
    const auto free = get(solution);
    double step = 0;
    for (std::size_t i = 0; i < free.size(); ++i) {
      step = std::max(step, std::abs(free[i] - current_.free[i]));
    }
    const MinimisePoint* point = evaluate(free);
    if (point == nullptr) return TAO_DIVERGED_NAN;
    const double change = current_.value - point->value;
    if (point != &current_) current_ = *point;
    norm_ = projected_norm(current_, settings_->lower, settings_->upper);
    if (settings_->on_iteration) settings_->on_iteration(current_, norm_, step);
    if (norm_ <= settings_->tolerance) return TAO_CONVERGED_GATOL;
    if (norm_ <= standard_errors * current_.gradient_error && iteration_ > 0 &&
        change < smallest_change) {
      return TAO_CONVERGED_USER;
    }
    // Once may be a search that begins anew.
    still_ = step == 0 && iteration_ > 0 ? still_ + 1 : 0;
    if (still_ >= most_still) return TAO_CONVERGED_STEPTOL;
    return iteration_++ < settings_->max_iterations ? TAO_CONTINUE_ITERATING : TAO_DIVERGED_MAXITS;
  }

  MinimiseOutcome outcome(TaoConvergedReason reason) const {
    MinimiseOutcome result{current_, norm_, norm_ <= settings_->tolerance, {}};
    const double floor =
        std::max(nearly * settings_->tolerance, rounding_gradient * std::abs(current_.value));
    if (result.converged) {
      result.reason = "the gradient vanishes";
    } else if (reason == TAO_DIVERGED_MAXITS) {
      result.reason = "the limit of iterations was reached";
    } else if (norm_ <= floor) {
      result.converged = true;
      result.reason = "no further increase in working precision";
    } else if (norm_ <= standard_errors * current_.gradient_error) {
      result.converged = true;
      result.reason = "the gradient vanishes within its standard error";
    } else {
      result.reason =
          fmt::format("no increase along the search direction ({})", TaoConvergedReasons[reason]);
    }
    return result;
  }

  static PetscErrorCode objective(Tao, Vec x, PetscReal* value, Vec gradient, void* context) {
    return guard(context, [&](Minimiser& self) { self.compute(x, value, gradient); });
  }

  static PetscErrorCode convergence_test(Tao tao, void* context) {
    return guard(context, [&](Minimiser& self) {
      Vec solution = nullptr;
      check_petsc(TaoGetSolution(tao, &solution));
      check_petsc(TaoSetConvergedReason(tao, self.judge(solution)));
    });
  }

  template <typename Work>
  static PetscErrorCode guard(void* context, const Work& work) {
    auto& self = *static_cast<Minimiser*>(context);
    try {
      work(self);
    } catch (...) {
      self.failure_ = std::current_exception();
      return PETSC_ERR_USER;
    }
    return 0;
  }

  const communication::Communicator* comm_;
  const Function* function_;
  const MinimiseSettings* settings_;
  MinimisePoint current_;               ///< of the last iteration
  std::optional<MinimisePoint> trial_;  ///< the last evaluation
  double norm_ = 0;
  Index iteration_ = 0;
  Index still_ = 0;  ///< iterations in a row that led nowhere
  std::exception_ptr failure_;
};

}  // namespace

double projected_norm(const MinimisePoint& point, std::span<const double> lower,
                      std::span<const double> upper) {
  double norm = 0;
  for (std::size_t i = 0; i < point.free.size(); ++i) {
    const double slope = point.gradient[i];
    if (point.free[i] <= lower[i] && slope > 0) continue;
    if (point.free[i] >= upper[i] && slope < 0) continue;
    norm = std::max(norm, std::abs(slope));
  }
  return norm;
}

MinimiseOutcome minimise(const communication::Communicator& comm, const Function& function,
                         const MinimisePoint& start, const MinimiseSettings& settings) {
  return Minimiser(comm, function, start, settings).run();
}

}  // namespace kronwerk::models
