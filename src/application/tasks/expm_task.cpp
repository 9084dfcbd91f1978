// exp(t Op) x for a Kronecker sum with a shift: since its parts commute,
//   exp(t (s I + A_1 ⊕ … ⊕ A_K)) = e^{ts} exp(t A_1) ⊗ … ⊗ exp(t A_K).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "application/tasks/vector_task.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/factors/spectra/bases.hpp"

namespace kronwerk::application {
namespace {

using expressions::LoweredProduct;

class ExponentialTask final : public VectorTask {
 public:
  explicit ExponentialTask(TaskContext& context) : VectorTask(context) {
    context.stages.run("factorise", [&] { exponential_ = make_exponential(context); });
    context.stages.report("factorise", "exponentials of the factors");
  }

 private:
  /// Of a sum of which every term has at most one factor other than the identity.
  static LoweredProduct make_exponential(TaskContext& context) {
    const double time = context.job.time;
    const auto& extents = context.problem.sum.row_extents;
    LoweredProduct result;
    result.text = fmt::format("exp({:g}*({}))", time, context.problem.sum.text());
    for (const core::Index extent : extents) {
      result.chains.push_back({{factors::make_identity(extent), false, false}});
    }
    double shift = 0;
    for (const LoweredProduct& term : context.products) {
      const auto mode = std::ranges::find_if_not(term.chains, factors::is_identity);
      if (mode == term.chains.end()) {
        shift += term.scale;
        continue;
      }
      const auto k = static_cast<std::size_t>(mode - term.chains.begin());
      const std::string name = fmt::format(
          "exp({:g}*{})", time * term.scale,
          context.problem.sum.terms.size() == 1 ? term.text : mode->front().factor->name());
      result.chains[k] = {
          {exponential_of(context.comm, name, time * term.scale, *mode), false, false}};
    }
    result.scale = std::exp(time * shift);
    return result;
  }

  /// A diagonal matrix stays one.
  static factors::FactorPtr exponential_of(const communication::Communicator& comm,
                                           const std::string& name, double t,
                                           const factors::Chain& chain) {
    if (chain.size() != 1 || chain[0].inverse ||
        chain[0].factor->kind() != factors::Kind::diagonal) {
      return factors::exponential(comm, name, t, chain);
    }
    std::vector<double> values = chain[0].factor->diagonal();
    for (double& value : values) value = std::exp(t * value);
    return factors::make_diagonal(name, values);
  }

  const distribution::Layout& input_layout() const override { return op_->input_layout(); }
  const distribution::Layout& output_layout() const override { return op_->output_layout(); }

  void build(Index size) override {
    op_ = context().builder.build(std::span(&exponential_, 1), size);
  }
  void compute(Index /*first*/) override {
    context().stages.run("apply", [&] { op_->apply(input_, result_); });
    report_stage("apply", fmt::format("blocks of {}", batch()));
  }
  void gradient(Index /*first*/) override {}
  void tangent(Index /*first*/) override {}

  void finish() override {
    context().report.set("method", "direct: product of the exponentials of the factors");
    context().report.set("converged", Index{1});
    context().report.line("result      " + result_statistics_.text(comm()));
  }

  LoweredProduct exponential_;
  OperatorPtr op_;
};

}  // namespace

void run_expm(TaskContext& context) {
  ExponentialTask(context).run();
}

}  // namespace kronwerk::application
