// Log determinants by stochastic Lanczos quadrature. Declared in log_determinant.hpp.
#include <fmt/format.h>

#include <cmath>

#include "application/determinants/log_determinant.hpp"
#include "application/session/signals.hpp"
#include "kronwerk/operators/products/product_diagonal.hpp"

namespace kronwerk::application {
namespace {

using operators::StochasticValue;

// Of a bound of the eigenvalues, for what rounding may take off.
constexpr double bound_slack = 0.99;

/// An iterative solver as an operator, for traces of its products.
class SolverOperator final : public operators::LinearOperator {
 public:
  SolverOperator(const operators::LinearOperator& op, methods::Solver& solver)
      : LinearOperator(op.comm(), op.output_layout(), op.input_layout()), solver_(solver) {}

 private:
  void do_apply(std::span<const double> x, std::span<double> y, bool transposed,
                bool accumulate) const override {
    if (!accumulate) return solver_.solve(x, y, transposed);
    std::vector<double> result(y.size());
    solver_.solve(x, result, transposed);
    for (std::size_t i = 0; i < y.size(); ++i) y[i] += result[i];
  }
  methods::Solver& solver_;
};

class EstimatedDeterminant final : public LogDeterminant {
 public:
  EstimatedDeterminant(TaskContext& context, const std::string& reason)
      : context_(context), setup_(set_up_krylov(context.data, context.problem.sum)) {
    settings_.probes = context.job.solver.probes;
    settings_.seed = context.job.solver.seed;
    settings_.steps = context.job.solver.max_iterations;
    if (definite()) settings_.least_eigenvalue = bound_slack * setup_.definite->least;
    op_ = context.builder.build(context.products, 1);
    record_.on_iteration = [this](Index) { check_termination(context_.comm); };
    why_ = fmt::format("stochastic Lanczos quadrature with {} probes{}: {}", settings_.probes,
                       definite() ? "" : " of the singular values", reason);
  }
  std::optional<int> sign() const override {
    return definite() ? std::optional<int>(1) : std::nullopt;
  }
  std::string why() const override { return why_; }
  bool exact() const override { return false; }

  StochasticValue value() override {
    return operators::stochastic_logdet(*symmetric(), !definite(), settings_);
  }

  StochasticValue derivative(const std::string& parameter) override {
    if (!solver_) {
      solver_ = make_krylov_solver(context_.builder, setup_, context_.products, 1,
                                   context_.job.solver, record_);
    }
    const auto& products = context_.derivatives.at(parameter);
    if (products.empty()) return {};
    const auto derivative =
        context_.builder.build(products, 1, op_->input_layout().leading_modes());
    const SolverOperator inverse(*op_, *solver_);
    if (!inverse_norm_) inverse_norm_ = operators::probe_norm(inverse, settings_);
    const auto value =
        operators::stochastic_trace(*op_, inverse, *derivative, *inverse_norm_, settings_);
    if (!record_.converged) {
      context_.failure = "the solves of the log determinant's gradient: " + record_.reason;
    }
    return value;
  }

 private:
  /// Known to be symmetric positive definite, perhaps in another inner product.
  bool definite() const { return setup_.definite.has_value(); }

  /// D^½ Op D^-½, which is symmetric where Op is so in the inner product of D.
  OperatorPtr symmetric() const {
    if (!definite() || !setup_.definite->weighted()) return op_;
    auto roots = setup_.definite->weights;
    for (auto& mode : roots) {
      for (double& value : mode) value = std::sqrt(value);
    }
    auto inverses = roots;
    for (auto& mode : inverses) {
      for (double& value : mode) value = 1 / value;
    }
    const auto& layout = op_->input_layout();
    return operators::compose(1,
                              {operators::make_product_diagonal(context_.comm, layout, roots), op_,
                               operators::make_product_diagonal(context_.comm, layout, inverses)});
  }

  TaskContext& context_;
  methods::KrylovSetup setup_;
  operators::StochasticSettings settings_;
  std::string why_;
  OperatorPtr op_;
  methods::SolveRecord record_;
  std::unique_ptr<methods::Solver> solver_;
  std::optional<double> inverse_norm_;
};

}  // namespace

std::unique_ptr<LogDeterminant> make_estimated_determinant(TaskContext& context,
                                                           const std::string& reason) {
  return std::make_unique<EstimatedDeterminant>(context, reason);
}

}  // namespace kronwerk::application
