#include <fmt/format.h>

#include "application/tasks/solve_quality.hpp"
#include "application/tasks/vector_task.hpp"
#include "kronwerk/factors/sparse/sparse_rows.hpp"
#include "kronwerk/operators/base/dot.hpp"

namespace kronwerk::application {
namespace {

/// y = Op x. With the cotangent g = ∂L/∂y: ∂L/∂x = Opᵀ g and ∂L/∂θ = gᵀ (∂Op/∂θ) x; for the
/// directions dx and dθ: dy = Op dx + Σ dθ (∂Op/∂θ) x. Solves inside of Op are judged by their true
/// residuals.
class ApplyTask final : public VectorTask {
 public:
  explicit ApplyTask(TaskContext& task_context) : VectorTask(task_context), quality_(count()) {
    judging_.tolerance = job().solver.tolerance;
    judging_.tell = [this](const operators::Verdict& verdict) {
      quality_.add(direction_of_solves_, verdict, first_);
    };
  }

 private:
  const distribution::Layout& input_layout() const override { return op_->input_layout(); }
  const distribution::Layout& output_layout() const override { return op_->output_layout(); }

  void build(Index size) override {
    op_ = context().builder.build(context().products, size, std::nullopt, &judging_);
    communication::collectively(comm(), [&] { sparse_product_ = find_sparse_product(size); });
    derivatives_ = build_derivatives(size, input_layout().leading_modes(), &judging_);
  }

  /// y = M x (or Mᵀ x), whose solves are of that direction.
  void apply(Direction direction, const operators::LinearOperator& op, std::span<const double> x,
             std::span<double> y) {
    direction_of_solves_ = direction;
    if (direction == Direction::adjoint) {
      op.apply_transposed(x, y);
    } else {
      op.apply(x, y);
    }
  }

  bool takes_fibres() const override { return sparse_product_.has_value(); }

  /// For I ⊗ … ⊗ I ⊗ A and a sparse input, zeros can be skipped; derivatives and transforms need
  /// the other values too.
  std::optional<factors::SparseRowsProduct> find_sparse_product(Index size) {
    const auto& products = context().products;
    if (!input().sparse() || input().has_transform() || job().gradient || job().tangent ||
        products.size() != 1 || !products.front().steps.empty() ||
        methods::solve_inside(products)) {
      return std::nullopt;
    }
    const auto chains = methods::batched(products.front().chains, size);
    // Every rank must own whole fibres of the last mode.
    if (input_layout().leading_modes() >= static_cast<int>(chains.size())) return std::nullopt;
    return factors::SparseRowsProduct::make(chains, products.front().scale);
  }

  void compute(Index first) override {
    first_ = first;
    context().stages.run("apply", [&] {
      if (!takes_fibres()) {
        apply(Direction::forward, *op_, input_, result_);
        return;
      }
      sparse_product_->apply({fibres_.offsets, fibres_.columns, fibres_.values}, result_);
      stored_ += comm().sum(static_cast<double>(fibres_.values.size()));
    });
    report_stage("apply", describe());
  }

  std::string describe() {
    if (takes_fibres()) {
      const double all = static_cast<double>(count()) *
                         static_cast<double>(core::product(context().problem.sum.col_extents));
      return fmt::format("{:.3g} % of the input is stored, blocks of {}", 100 * stored_ / all,
                         batch());
    }
    const std::string application = op_->description();
    return fmt::format("{}{}blocks of {}", application, application.empty() ? "" : ", ", batch());
  }

  void gradient(Index first) override {
    const auto g = cotangent(first, result_, cotangent_);
    resize(change_, output_layout());
    for (const auto& parameter : job().gradient->parameters) {
      const auto derivative = derivatives_.find(parameter.value);
      if (derivative == derivatives_.end()) continue;
      apply(Direction::derivative, *derivative->second, input_, change_);
      add_gradient(parameter.value, operators::dot(comm(), g, change_));
    }
    if (!job().gradient->input) return;
    resize(direction_, input_layout());
    apply(Direction::adjoint, *op_, g, direction_);
    // The input is not needed any more and serves as scratch.
    input().multiply_by_derivative(first, input_layout(), direction_, input_);
    check_finite(comm(), direction_, "/gradient/input");
    write("/gradient/input", first, input_layout(), direction_);
  }

  void tangent(Index first) override {
    read_direction(first, direction_, scratch_);
    resize(change_, output_layout());
    apply(Direction::tangent, *op_, direction_, change_);
    resize(cotangent_, output_layout());
    for (const auto& [name, direction] : job().tangent->parameters) {
      const auto derivative = derivatives_.find(name);
      if (derivative == derivatives_.end()) continue;
      apply(Direction::derivative, *derivative->second, input_, cotangent_);
      for (std::size_t i = 0; i < change_.size(); ++i) {
        change_[i] += direction.value * cotangent_[i];
      }
    }
    check_finite(comm(), change_, "/tangent");
    write("/tangent", first, output_layout(), change_);
  }

  void keep(Checkpoint& checkpoint) override {
    quality_.keep(checkpoint);
    checkpoint.set("stored", {stored_});
  }

  void resume(const Checkpoint& checkpoint) override {
    quality_.resume(checkpoint);
    if (const auto* stored = checkpoint.numbers("stored")) stored_ = stored->at(0);
  }

  void finish() override {
    context().report.set("method", takes_fibres() ? "apply: the stored entries of the input alone"
                                   : context().products.size() == 1
                                       ? "apply: factor by factor"
                                       : "apply: all terms together, factor by factor");
    context().report.line("result      " + result_statistics_.text(comm()));
    if (!methods::solve_inside(context().products)) return;
    context().failure = quality_.failure();
    context().report.set("converged", Index{context().failure.empty() ? 1 : 0});
    quality_.write(context().report, context().failure);
  }

  operators::Judging judging_;
  SolveQuality quality_;
  Direction direction_of_solves_ = Direction::forward;
  Index first_ = 0;  ///< number of the block's first vector
  OperatorPtr op_;
  std::optional<factors::SparseRowsProduct> sparse_product_;
  double stored_ = 0;
  std::map<std::string, OperatorPtr> derivatives_;
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
