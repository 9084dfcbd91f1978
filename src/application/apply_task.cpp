#include <fmt/format.h>

#include "application/vector_task.hpp"

namespace kronwerk::application {
namespace {

/// y = Op x. With the cotangent g = ∂L/∂y: ∂L/∂x = Opᵀ g and ∂L/∂θ = gᵀ (∂Op/∂θ) x; for the
/// directions dx and dθ: dy = Op dx + Σ dθ (∂Op/∂θ) x.
class ApplyTask final : public VectorTask {
 public:
  using VectorTask::VectorTask;

 private:
  struct Operators {
    OperatorSum op;
    std::optional<OperatorSum> transposed;
    std::map<std::string, OperatorSum> derivatives;
  };

  const distribution::Layout& input_layout() const override { return op_->op.input_layout(); }
  const distribution::Layout& output_layout() const override { return op_->op.output_layout(); }

  void build(Index size) override {
    op_.emplace(Operators{
        OperatorSum(comm(), context().workspace, context().products, size), std::nullopt, {}});
    if (job().gradient && job().gradient->input) op_->transposed = op_->op.transposed();
    op_->derivatives = build_derivatives(size, input_layout().leading_modes());
  }

  void compute(Index /*first*/) override {
    context().stages.run("apply", [&] { op_->op.apply(input_, result_); });
    const auto& terms = op_->op.terms();
    report_stage("apply",
                 fmt::format("{} exchanges, blocks of {}",
                             terms.front().estimate().exchanges * std::ssize(terms), batch()));
  }

  void gradient(Index first) override {
    const auto g = cotangent(first, result_, cotangent_);
    resize(change_, output_layout());
    for (const auto& parameter : job().gradient->parameters) {
      const auto derivative = op_->derivatives.find(parameter.value);
      if (derivative == op_->derivatives.end()) continue;
      derivative->second.apply(input_, change_);
      add_gradient(parameter.value, operators::dot(comm(), g, change_));
    }
    if (!job().gradient->input) return;
    resize(direction_, input_layout());
    op_->transposed->apply(g, direction_);
    // The input is not needed any more and serves as scratch.
    input().multiply_by_derivative(first, input_layout(), direction_, input_);
    check_finite(comm(), direction_, "/gradient/input");
    write("/gradient/input", first, input_layout(), direction_);
  }

  void tangent(Index first) override {
    read_direction(first, direction_, scratch_);
    resize(change_, output_layout());
    op_->op.apply(direction_, change_);
    resize(cotangent_, output_layout());
    for (const auto& [name, direction] : job().tangent->parameters) {
      const auto derivative = op_->derivatives.find(name);
      if (derivative == op_->derivatives.end()) continue;
      derivative->second.apply(input_, cotangent_);
      for (std::size_t i = 0; i < change_.size(); ++i) {
        change_[i] += direction.value * cotangent_[i];
      }
    }
    check_finite(comm(), change_, "/tangent");
    write("/tangent", first, output_layout(), change_);
  }

  void finish() override {
    context().report.set("method", "apply: factor by factor, one product after the other");
    context().report.line("result      " + result_statistics_.text(comm()));
  }

  std::optional<Operators> op_;
  Block cotangent_;
  Block change_;
  Block direction_;
  Block scratch_;
};

}  // namespace

void run_apply(TaskContext& context) {
  ApplyTask(context).run();
}

}  // namespace kronwerk::application
