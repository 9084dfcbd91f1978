// The Krylov method of a job: in the inner product that makes the operator symmetric, with the
// nearest Kronecker product or sum as preconditioner.
#include <algorithm>
#include <cmath>

#include "application/method.hpp"
#include "application/signals.hpp"
#include "kronwerk/operators/product_diagonal.hpp"

namespace kronwerk::application {
namespace {

using operators::KrylovMethod;
using operators::KrylovOutcome;

/// One block size's operators.
struct Operators {
  OperatorPtr op;              ///< D·Op, or Op where D = I
  OperatorPtr preconditioner;  ///< (D·near)⁻¹; may be null
  OperatorPtr weight;          ///< D; null for the ordinary inner product
  OperatorPtr plain;           ///< Op itself
};

OperatorPtr weight_operator(const OperatorBuilder& builder, const KrylovSetup& setup,
                            const distribution::Layout& layout, Index batch, bool inverse) {
  auto weights = *setup.weights;
  for (auto& mode : weights) {
    for (double& value : mode) value = inverse ? 1 / value : value;
  }
  if (batch > 1) weights.insert(weights.begin(), std::vector<double>{});
  return operators::make_product_diagonal(builder.comm(), layout, weights);
}

/// The inverse of the nearest simpler operator; null if it is singular.
OperatorPtr near_inverse(const OperatorBuilder& builder, const KrylovSetup& setup, Index batch,
                         int leading_modes) {
  if (!setup.near) return nullptr;
  try {
    if (setup.near_form) {
      return operators::make_spectral_inverse(builder.comm(), builder.workspace(),
                                              *setup.near_form->sum, batch, leading_modes);
    }
    const auto products = builder.data().lowering().lower(*setup.near);
    return builder.build_inverse(products.front(), batch, leading_modes);
  } catch (const core::DataError&) {
    return nullptr;  // thrown on every rank alike
  }
}

Operators build(const OperatorBuilder& builder, const KrylovSetup& setup,
                std::span<const expressions::LoweredProduct> products, Index batch,
                std::optional<int> leading_modes) {
  Operators result;
  result.plain = builder.build(products, batch, leading_modes);
  const auto& layout = result.plain->input_layout();
  result.preconditioner = near_inverse(builder, setup, batch, layout.leading_modes());
  result.op = result.plain;
  if (!setup.weighted()) return result;
  result.weight = weight_operator(builder, setup, layout, batch, false);
  result.op = operators::compose(1, {result.weight, result.plain});
  if (result.preconditioner) {
    result.preconditioner = operators::compose(
        1, {result.preconditioner, weight_operator(builder, setup, layout, batch, true)});
  }
  return result;
}

class JobKrylovSolver final : public Solver {
 public:
  JobKrylovSolver(Operators operators, Index batch, operators::KrylovSettings settings,
                  std::function<Operators()> column, SolveRecord& record)
      : Solver(operators.op->input_layout().leading_modes()),
        operators_(std::move(operators)),
        record_(&record) {
    const auto& comm = operators_.op->comm();
    settings.on_iteration = [this, &comm](Index iteration, double /*residual*/) {
      if (record_->on_iteration) record_->on_iteration(iteration);
      check_termination(comm);
    };
    Operators one;
    if (batch > 1) one = column();
    solver_ =
        std::make_unique<operators::KrylovSolver>(operators_.op, operators_.preconditioner, batch,
                                                  std::move(settings), one.op, one.preconditioner);
  }

  void solve(std::span<const double> b, std::span<double> x, bool transposed) override {
    std::ranges::fill(x, 0.0);
    if (!operators_.weight) {
      note(solver_->solve(b, x, transposed), transposed);
      return;
    }
    // D·Op is symmetric: Op x = b is D·Op x = D b, and Opᵀ x = b is x = D y with D·Op y = b.
    right_side_.resize(b.size());
    if (!transposed) {
      operators_.weight->apply(b, right_side_);
      note(solver_->solve(right_side_, x), transposed);
      return;
    }
    std::ranges::fill(right_side_, 0.0);
    note(solver_->solve(b, right_side_), transposed);
    operators_.weight->apply(right_side_, x);
  }

 private:
  void note(const KrylovOutcome& outcome, bool transposed) {
    record_->iterations += outcome.iterations;
    if (!outcome.converged) {
      record_->converged = false;
      record_->reason = outcome.reason;
    }
    if (transposed) return;
    record_->history.insert(record_->history.end(), outcome.history.begin(), outcome.history.end());
  }

  Operators operators_;
  SolveRecord* record_;
  std::unique_ptr<operators::KrylovSolver> solver_;
  std::vector<double> right_side_;
};

}  // namespace

std::unique_ptr<Solver> make_krylov_solver(const OperatorBuilder& builder, const KrylovSetup& setup,
                                           std::span<const expressions::LoweredProduct> products,
                                           Index batch,
                                           const configuration::SolverSettings& settings,
                                           SolveRecord& record) {
  operators::KrylovSettings krylov;
  // GMRES keeps its directions; for many columns that would be too much memory.
  krylov.method =
      setup.method == KrylovMethod::gmres && batch > 1 ? KrylovMethod::bicgstab : setup.method;
  // Convergence is measured in the weighted norm; the margin makes up for the difference.
  krylov.tolerance = setup.weighted() ? settings.tolerance / 4 : settings.tolerance;
  krylov.max_iterations = settings.max_iterations;
  Operators operators = build(builder, setup, products, batch, std::nullopt);
  // Column by column is needed only for methods of the user's choice.
  return std::make_unique<JobKrylovSolver>(
      std::move(operators), batch, std::move(krylov),
      [&] { return build(builder, setup, products, 1, std::nullopt); }, record);
}

}  // namespace kronwerk::application
