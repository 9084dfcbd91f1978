#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "application/restart/kept_iterate.hpp"
#include "application/session/signals.hpp"
#include "application/tasks/solve_quality.hpp"
#include "application/tasks/vector_task.hpp"
#include "kronwerk/operators/base/dot.hpp"
#include "kronwerk/operators/base/judge.hpp"

namespace kronwerk::application {
namespace {

/// Op x = b. With the cotangent g = ∂L/∂x and v = Op⁻ᵀ g: ∂L/∂b = v and ∂L/∂θ = -vᵀ (∂Op/∂θ) x,
/// with the factorisations of the forward solve; for the directions db and dθ: dx = Op⁻¹ (db - Σ dθ
/// (∂Op/∂θ) x). Every one of these solves is judged by its true residual.
class SolveTask final : public VectorTask {
 public:
  explicit SolveTask(TaskContext& task_context)
      : VectorTask(task_context),
        quality_(count()),
        iterate_(task_context),
        guess_(open_initial_guess(comm(), job(), context().problem.sum.col_extents, count())) {
    judging_.tolerance = job().solver.tolerance;
    judging_.tell = [this](const operators::Verdict& verdict) {
      quality_.add(Direction::inside, verdict, 0);
    };
    record_.on_iteration = [this](Index iteration) {
      context().stages.progress().set("iteration", iteration, 0);
      check_termination(comm());
    };
    record_.start = [this](std::span<double> x) { return start(x); };
    record_.on_iterate = [this](const operators::KrylovIterate& iterate) {
      iterate_.note(iterate);
    };
  }

 private:
  bool krylov() const { return !method_->direct(); }
  const distribution::Layout& input_layout() const override { return op_->output_layout(); }
  const distribution::Layout& output_layout() const override { return op_->input_layout(); }

  void build(Index size) override {
    if (!method_) choose();
    const auto& products = context().products;
    solver_ = make_solver(context().builder, *method_, products, size, job().solver, record_);
    // What residuals are found with: the solves inside of it are judged themselves.
    op_ = context().builder.build(products, size, solver_->leading_modes(), &judging_);
    derivatives_ = build_derivatives(size, solver_->leading_modes(), &judging_);
    const auto& layout = output_layout();
    const OperatorPtr inverse = solver_->inverse();
    judge_.emplace(operators::SolveJudge::System{
        operators::map_of(op_), inverse ? operators::map_of(inverse) : operators::VectorMap{},
        operators::ColumnNorms::one_after_another(comm(), layout, size),
        layout.home_begin(comm().rank()), solver_->tolerance(job().solver.tolerance)});
  }

  void choose() {
    method_ = choose_method(context().data, context().problem, job().solver.method, count());
    if (!krylov() && guess_) warn_of_idle_guess(context().stages, method_->why);
  }

  /// Where an iteration starts: at what an earlier run has kept, or at the job's guess.
  bool start(std::span<double> x) {
    if (iterate_.start(x)) return true;
    if (direction_ != Direction::forward || !guess_) return false;
    guess_->read(first_, output_layout(), x);
    return true;
  }

  void solve(Direction direction, Index first, std::span<const double> b, std::span<double> x) {
    direction_ = direction;
    first_ = first;
    const char* name = direction == Direction::forward   ? "solve"
                       : direction == Direction::adjoint ? "adjoint solve"
                                                         : "tangent's solve";
    const auto& layout = output_layout();
    iterate_.begin(fmt::format("{} from vector {} on", name, first + 1), layout.size(),
                   layout.home_begin(comm().rank()));
    solver_->solve(b, x, direction == Direction::adjoint);
    if (krylov() && direction == Direction::forward) iterate_.end(x);
  }

  void keep(Checkpoint& checkpoint) override {
    iterate_.forget();
    quality_.keep(checkpoint);
    checkpoint.set("iterations", {static_cast<double>(record_.iterations)});
    checkpoint.set("history", record_.history);
  }

  void resume(const Checkpoint& checkpoint) override {
    quality_.resume(checkpoint);
    if (const auto* number = checkpoint.numbers("iterations")) {
      record_.iterations = static_cast<Index>(number->at(0));
    }
    if (const auto* history = checkpoint.numbers("history")) record_.history = *history;
  }

  /// @param b      what x was solved for; lost
  /// @param again  writes b anew
  void judge(Direction direction, Index first, std::span<double> b, std::span<double> x,
             const operators::SolveJudge::RightSides& again) {
    const bool transposed = direction == Direction::adjoint;
    quality_.add(direction, judge_->judge(b, x, transposed, again), first,
                 std::exchange(record_.reason, ""), record_.accepted_by_option);
  }

  void compute(Index first) override {
    if (!std::exchange(announced_, true)) announce();
    Stages& stages = context().stages;
    stages.run("solve", [&] { solve(Direction::forward, first, input_, result_); });
    report_stage("solve", krylov() ? fmt::format("{} iterations{}", record_.iterations,
                                                 record_.converged ? "" : ", not converged")
                                   : fmt::format("blocks of {}", batch()));
    stages.run("verify", [&] {
      judge(Direction::forward, first, input_, result_,
            [&](std::span<double> b) { input().read(first, input_layout(), b); });
    });
    report_stage("verify", fmt::format("relative residual {:.2e}",
                                       quality_.residual(Direction::forward).value_or(0)));
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
    solve(Direction::adjoint, first, g, adjoint_);
    const auto again = [&](std::span<double> block) {
      const auto right = cotangent(first, result_, input_);
      if (right.data() != block.data()) std::ranges::copy(right, block.begin());
    };
    if (g.data() != input_.data()) again(input_);
    judge(Direction::adjoint, first, input_, adjoint_, again);
    check_finite(comm(), adjoint_, "the adjoint solution");
    for (const auto& parameter : job().gradient->parameters) {
      const auto derivative = derivatives_.find(parameter.value);
      if (derivative == derivatives_.end()) continue;
      derivative->second->apply(result_, input_);
      add_gradient(parameter.value, -operators::dot(comm(), adjoint_, input_));
    }
    if (!job().gradient->input) return;
    input().multiply_by_derivative(first, input_layout(), adjoint_, input_);
    check_finite(comm(), adjoint_, "/gradient/input");
    write("/gradient/input", first, input_layout(), adjoint_);
  }

  void tangent(Index first) override {
    right_side_of_tangent(first, adjoint_);
    resize(adjoint_, output_layout());
    solve(Direction::tangent, first, input_, adjoint_);
    judge(Direction::tangent, first, input_, adjoint_, [&](std::span<double> /*input_*/) {
      Block scratch;
      right_side_of_tangent(first, scratch);
    });
    check_finite(comm(), adjoint_, "/tangent");
    write("/tangent", first, output_layout(), adjoint_);
  }

  /// db - Σ dθ (∂Op/∂θ) x into input_.
  void right_side_of_tangent(Index first, Block& scratch) {
    read_direction(first, input_, scratch);
    resize(scratch, output_layout());
    for (const auto& [name, direction] : job().tangent->parameters) {
      const auto derivative = derivatives_.find(name);
      if (derivative == derivatives_.end()) continue;
      derivative->second->apply(result_, scratch);
      for (std::size_t i = 0; i < input_.size(); ++i) {
        input_[i] -= direction.value * scratch[i];
      }
    }
  }

  void finish() override {
    Report& report = context().report;
    const std::string description = solver_->description();
    const std::string method =
        description.empty() ? method_->why : method_->why + "; " + description;
    context().failure = quality_.failure();
    report.set("method", method);
    report.set("converged", Index{context().failure.empty() ? 1 : 0});
    report.set("iterations", record_.iterations);
    if (krylov()) context().file.write_vector("/history", record_.history);
    report.line("result      " + result_statistics_.text(comm()));
    quality_.write(report, context().failure);
    report.line("method      " + method);
  }

  std::optional<methods::Method> method_;
  std::unique_ptr<methods::Solver> solver_;
  OperatorPtr op_;
  std::map<std::string, OperatorPtr> derivatives_;
  methods::SolveRecord record_;
  Block adjoint_;
  operators::Judging judging_;
  std::optional<operators::SolveJudge> judge_;
  SolveQuality quality_;
  KeptIterate iterate_;
  std::optional<VectorReader> guess_;
  bool announced_ = false;
  Direction direction_ = Direction::forward;  ///< of the present solve, like
  Index first_ = 0;                           ///< the number of its first vector
};

}  // namespace

void run_solve(TaskContext& context) {
  SolveTask(context).run();
}

}  // namespace kronwerk::application
