#include <fmt/format.h>

#include <algorithm>
#include <cmath>

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
  bool krylov() const { return !method_->direct(); }
  const distribution::Layout& input_layout() const override { return op_->output_layout(); }
  const distribution::Layout& output_layout() const override { return op_->input_layout(); }

  void build(Index size) override {
    if (!method_) method_ = choose_method(context().data, context().problem, count());
    const auto& products = context().products;
    solver_ = make_solver(context().builder, *method_, products, size, job().solver, record_);
    op_ = context().builder.build(products, size, solver_->leading_modes());
    derivatives_ = build_derivatives(size, solver_->leading_modes());
  }

  void compute(Index first) override {
    if (first == 0) announce();
    Stages& stages = context().stages;
    stages.run("solve", [&] { solver_->solve(input_, result_, false); });
    report_stage("solve", krylov() ? fmt::format("{} iterations{}", record_.iterations,
                                                 record_.converged ? "" : ", not converged")
                                   : fmt::format("blocks of {}", batch()));
    stages.run("verify", [&] {
      right_side_squares_ += operators::dot(comm(), input_, input_);
      for (double& value : input_) value = -value;
      op_->apply(result_, input_, true);
      residual_squares_ += operators::dot(comm(), input_, input_);
    });
    report_stage("verify", fmt::format("relative residual {:.2e}", relative_residual()));
  }

  void announce() {
    announce_factors(context().products, context().stages, context().report);
    if (!method_->form) return;
    Index mode = 0;
    for (const auto& basis : method_->form->bases) {
      context().report.set(fmt::format("basis_condition_{}", ++mode), basis->condition);
    }
    context().stages.report("factorise", method_->form->description());
  }

  void gradient(Index first) override {
    const auto g = cotangent(first, result_, input_);
    resize(adjoint_, output_layout());
    solver_->solve(g, adjoint_, true);
    check_finite(comm(), adjoint_, "the adjoint solution");
    for (const auto& parameter : job().gradient->parameters) {
      const auto derivative = derivatives_.find(parameter.value);
      if (derivative == derivatives_.end()) continue;
      derivative->second->apply(result_, input_);
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
      const auto derivative = derivatives_.find(name);
      if (derivative == derivatives_.end()) continue;
      derivative->second->apply(result_, adjoint_);
      for (std::size_t i = 0; i < input_.size(); ++i) {
        input_[i] -= direction.value * adjoint_[i];
      }
    }
    solver_->solve(input_, adjoint_, false);
    check_finite(comm(), adjoint_, "/tangent");
    write("/tangent", first, output_layout(), adjoint_);
  }

  double relative_residual() const {
    return right_side_squares_ > 0 ? std::sqrt(residual_squares_ / right_side_squares_) : 0;
  }

  /// What an iteration believes of itself is checked against the true residual.
  void check_residual(double residual) {
    constexpr double margin = 10;
    if (!krylov() || !record_.converged || residual <= margin * job().solver.tolerance) return;
    record_.converged = false;
    record_.reason = fmt::format("stagnation at the true relative residual {:.1e}", residual);
  }

  void finish() override {
    const double residual = relative_residual();
    Report& report = context().report;
    check_residual(residual);
    report.set("method", method_->why);
    report.set("converged", Index{record_.converged ? 1 : 0});
    report.set("iterations", record_.iterations);
    report.set("relative_residual", residual);
    if (krylov()) context().file.write_vector("/history", record_.history);
    report.line("result      " + result_statistics_.text(comm()));
    report.line(fmt::format("residual    {:.3e} relative to the right-hand side", residual));
    report.line("method      " + method_->why);
    context().failure = record_.reason;
  }

  std::optional<Method> method_;
  std::unique_ptr<Solver> solver_;
  OperatorPtr op_;
  std::map<std::string, OperatorPtr> derivatives_;
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
