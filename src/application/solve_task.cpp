#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "application/solver.hpp"
#include "application/vector_task.hpp"

namespace kronwerk::application {
namespace {

/// Op x = b. With the cotangent g = ∂L/∂x and v = Op⁻ᵀ g: ∂L/∂b = v and ∂L/∂θ = -vᵀ (∂Op/∂θ) x,
/// with the factorisations of the forward solve; for the directions db and dθ: dx = Op⁻¹ (db - Σ dθ
/// (∂Op/∂θ) x).
class SolveTask final : public VectorTask {
 public:
  explicit SolveTask(TaskContext& task_context) : VectorTask(task_context) {
    record_.on_iteration = [this](Index iteration) {
      context().stages.progress().set("iteration", iteration, 0);
    };
  }

 private:
  struct Operators {
    KroneckerProduct op;
    KroneckerProduct minus;  ///< -Op, for the residual
    std::unique_ptr<ProductSolver> solver;
    std::map<std::string, OperatorSum> derivatives;
  };

  bool krylov() const { return job().solver.method == configuration::Method::krylov; }
  const distribution::Layout& input_layout() const override { return op_->op.output_layout(); }
  const distribution::Layout& output_layout() const override { return op_->op.input_layout(); }

  void build(Index size) override {
    const auto& product = context().products.front();
    std::optional<KroneckerProduct> inverse;
    std::optional<int> leading_modes;
    if (!krylov()) {
      inverse = make_inverse(comm(), context().workspace, product, size);
      leading_modes = inverse->input_layout().leading_modes();
    }
    KroneckerProduct op = make_product(comm(), context().workspace, product, size, leading_modes);
    KroneckerProduct minus = rescaled(op, context().workspace, -op.scale());
    auto solver = inverse ? make_direct_solver(std::move(*inverse))
                          : make_krylov_solver(op, job().solver, record_);
    op_.emplace(Operators{std::move(op), std::move(minus), std::move(solver), {}});
    op_->derivatives = build_derivatives(size, input_layout().leading_modes());
  }

  void compute(Index first) override {
    if (first == 0) announce();
    Stages& stages = context().stages;
    stages.run("solve", [&] {
      if (krylov()) std::ranges::fill(result_, 0.0);
      op_->solver->solve(input_, result_);
    });
    report_stage("solve", krylov() ? fmt::format("{} iterations{}", record_.iterations,
                                                 record_.converged ? "" : ", not converged")
                                   : fmt::format("{} exchanges, blocks of {}",
                                                 op_->op.estimate().exchanges, batch()));
    stages.run("verify", [&] {
      right_side_squares_ += operators::dot(comm(), input_, input_);
      op_->minus.apply(result_, input_, true);
      residual_squares_ += operators::dot(comm(), input_, input_);
    });
    report_stage("verify", fmt::format("relative residual {:.2e}", relative_residual()));
  }

  void announce() {
    if (!krylov()) announce_factors(op_->op, context().stages, context().report);
  }

  void gradient(Index first) override {
    const auto g = cotangent(first, result_, input_);
    resize(adjoint_, output_layout());
    op_->solver->solve_transposed(g, adjoint_);
    check_finite(comm(), adjoint_, "the adjoint solution");
    for (const auto& parameter : job().gradient->parameters) {
      const auto derivative = op_->derivatives.find(parameter.value);
      if (derivative == op_->derivatives.end()) continue;
      derivative->second.apply(result_, input_);
      add_gradient(parameter.value, -operators::dot(comm(), adjoint_, input_));
    }
    if (!job().gradient->input) return;
    input().multiply_by_derivative(first, input_layout(), adjoint_, input_);
    write("/gradient/input", first, input_layout(), adjoint_);
  }

  void tangent(Index first) override {
    read_direction(first, input_, adjoint_);
    resize(adjoint_, output_layout());
    for (const auto& [name, direction] : job().tangent->parameters) {
      const auto derivative = op_->derivatives.find(name);
      if (derivative == op_->derivatives.end()) continue;
      derivative->second.apply(result_, adjoint_);
      for (std::size_t i = 0; i < input_.size(); ++i) {
        input_[i] -= direction.value * adjoint_[i];
      }
    }
    std::ranges::fill(adjoint_, 0.0);
    op_->solver->solve(input_, adjoint_);
    check_finite(comm(), adjoint_, "/tangent");
    write("/tangent", first, output_layout(), adjoint_);
  }

  double relative_residual() const {
    return right_side_squares_ > 0 ? std::sqrt(residual_squares_ / right_side_squares_) : 0;
  }

  void finish() override {
    const double residual = relative_residual();
    Report& report = context().report;
    report.set("method", method_text(job().solver.method));
    report.set("converged", Index{record_.converged ? 1 : 0});
    report.set("iterations", record_.iterations);
    report.set("relative_residual", residual);
    if (krylov()) context().file.write_vector("/history", record_.history);
    report.line("result      " + result_statistics_.text(comm()));
    report.line(fmt::format("residual    {:.3e} relative to the right-hand side", residual));
    context().failure = record_.reason;
  }

  std::optional<Operators> op_;
  SolveRecord record_;
  Block adjoint_;
  double right_side_squares_ = 0;
  double residual_squares_ = 0;
};

}  // namespace

void run_solve(TaskContext& context) {
  SolveTask(context).run();
}

}  // namespace kronwerk::application
