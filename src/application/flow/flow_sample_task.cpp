// Draws from a flow model.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "application/flow/flow_estimates.hpp"
#include "application/flow/flow_exposure.hpp"
#include "application/flow/flow_job.hpp"
#include "application/flow_filter/flow_solver.hpp"
#include "application/restart/kept_blocks.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/models/flow_counts/count_draws.hpp"
#include "kronwerk/operators/base/random.hpp"

namespace kronwerk::application {
namespace {

using configuration::FlowFamily;

class FlowSampler {
 public:
  explicit FlowSampler(FlowContext& context)
      : context_(context),
        layout_(context.model.extents(), 1, context.comm.size()),
        estimates_(read_estimates(context)) {}

  std::string run() {
    Stages& stages = context_.stages;
    stages.run("factorise", [&] {
      solve_ = make_flow_solve(context_.comm, context_.model, estimates_.parameters, &solver_);
    });
    stages.report("factorise", solver_->description());
    find_field();
    const Index draws = context_.request().draws;
    core::Extents shape = context_.model.extents();
    if (draws > 1) shape.insert(shape.begin(), draws);
    context_.file.create_dataset("/result", shape);
    Statistics statistics;
    KeptBlocks kept(context_, "draws", draws, {{"/result", layout_.size()}}, {&statistics});
    for (Index draw = kept.resume(); draw < draws; ++draw) {
      stages.progress().set("draw", draw, draws);
      stages.run("sample", [&] { gaussian() ? draw_gaussian(draw) : draw_counts(draw); });
      stages.run("write", [&] { context_.file.write_range("/result", place(draw), values_); });
      statistics.add(values_);
      kept.finish(draw + 1);
    }
    stages.report("sample", fmt::format("{} draws", core::format_count(draws)));
    context_.report.line("result      " + statistics.text(context_.comm));
    context_.report.set("method", solver_->description());
    context_.report.set("converged", Index{1});
    return "";
  }

 private:
  bool gaussian() const { return context_.request().family == FlowFamily::gaussian; }
  /// Where this rank's rows of a draw begin among all of them.
  Index place(Index draw) const {
    return draw * layout_.size() + layout_.home_begin(context_.comm.rank());
  }

  /// What all draws have in common: Zδ, or η with the exposure.
  void find_field() {
    field_ = trend_of(context_, estimates_.coefficients, estimates_.effects);
    communication::collectively(context_.comm, [&] {
      for (auto* vector : {&values_, &noise_}) vector->assign(field_.size(), 0.0);
    });
    const auto& request = context_.request();
    if (gaussian()) {
      deviation_ = std::sqrt(read_given_number(context_, request.sigma2, "sigma2"));
      return;
    }
    if (request.family == FlowFamily::negative_binomial) {
      theta_ = read_given_number(context_, request.theta, "theta");
    }
    solve_(field_, values_, false);
    field_ = values_;
    // Without exposure no flows, whose logarithm is -infinity.
    std::ranges::fill(values_, 1.0);
    const FlowExposure exposure(context_, VectorReader::Missing::refused);
    exposure.expect_one_year();
    exposure.multiply(0, values_);
    for (std::size_t i = 0; i < field_.size(); ++i) field_[i] += std::log(values_[i]);
  }

  void draw_gaussian(Index draw) {
    operators::fill_random(operators::RandomKind::normal, context_.request().seed, place(draw),
                           noise_);
    const bool on_errors = context_.acts_on() == models::FilterActsOn::errors;
    for (std::size_t i = 0; i < noise_.size(); ++i) {
      noise_[i] = deviation_ * noise_[i] + (on_errors ? 0.0 : field_[i]);
    }
    solve_(noise_, values_, false);
    if (!on_errors) return;
    for (std::size_t i = 0; i < values_.size(); ++i) values_[i] += field_[i];
  }

  void draw_counts(Index draw) {
    communication::collectively(context_.comm, [&] {
      models::draw_counts(context_.request().seed, place(draw), field_, theta_, values_);
    });
  }

  FlowContext& context_;
  distribution::Layout layout_;
  GivenEstimates estimates_;
  models::FlowSolve solve_;
  std::shared_ptr<FlowSolver> solver_;
  std::vector<double> field_, values_, noise_;
  double deviation_ = 1;
  double theta_ = 0;
};

}  // namespace

std::string run_flow_sample(FlowContext& context) {
  return FlowSampler(context).run();
}

}  // namespace kronwerk::application
