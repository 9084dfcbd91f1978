// Trend, expectation and best predictors of a Gaussian flow model.
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "application/flow/flow_estimates.hpp"
#include "application/flow/flow_job.hpp"
#include "application/flow/flow_observations.hpp"
#include "application/flow_filter/flow_solver.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/models/flow/best_predictor.hpp"
#include "kronwerk/models/flow_missing/missing_flows.hpp"

namespace kronwerk::application {
namespace {

class FlowPrediction {
 public:
  explicit FlowPrediction(FlowContext& context)
      : context_(context),
        layout_(context.model.extents(), 1, context.comm.size()),
        estimates_(read_estimates(context)),
        observations_(context.comm, context.job, context.model.extents()) {}

  std::string run() {
    Stages& stages = context_.stages;
    stages.run("expectation", [&] { find_expectation(); });
    stages.report("expectation", solver_->description());
    stages.run("predict", [&] {
      context_.file.create_dataset("/predicted", observations_.shape());
      context_.file.create_dataset("/leave_one_out", observations_.shape());
      for (Index year = 0; year < observations_.years(); ++year) predict(year);
      write("/fitted/trend", trend_);
      write("/fitted/expectation", expectation_);
    });
    stages.report("predict",
                  fmt::format("{} unobserved flows, {} iterations", unobserved_, iterations_));
    if (too_many_ > 0) {
      stages.warn(fmt::format(
          "/leave_one_out is NaN in {} of {} grids: it takes at most {} flows that were not "
          "observed",
          too_many_, observations_.years(), core::format_count(models::most_missing_flows)));
    }
    context_.report.set("method",
                        "conjugate gradients in the unobserved flows; " + solver_->description());
    context_.report.set("unobserved_flows", unobserved_);
    context_.report.set("iterations", iterations_);
    context_.report.set("relative_residual", residual_);
    context_.report.set("converged", Index{failure_.empty() ? 1 : 0});
    return failure_;
  }

 private:
  void find_expectation() {
    trend_ = trend_of(context_, estimates_.coefficients, estimates_.effects);
    communication::collectively(context_.comm, [&] {
      expectation_.assign(trend_.size(), 0.0);
      shift_.assign(trend_.size(), 0.0);
    });
    const auto solve =
        make_flow_solve(context_.comm, context_.model, estimates_.parameters, &solver_);
    if (context_.acts_on() == models::FilterActsOn::errors) {
      expectation_ = trend_;
      solver_->apply(trend_, shift_, false);
    } else {
      solve(trend_, expectation_, false);
      shift_ = trend_;
    }
  }

  void predict(Index year) {
    const configuration::SolverSettings& solver = context_.job.solver;
    const FlowModel& model = context_.model;
    auto best = models::predict_best(
        context_.comm, model.workspace(), model.filter(), model.matrices(), estimates_.parameters,
        observations_.observed(year), shift_, solver.tolerance, solver.max_iterations);
    const Index place = year * layout_.size() + layout_.home_begin(context_.comm.rank());
    context_.file.write_range("/predicted", place, best.completed);
    if (best.unobserved > models::most_missing_flows) {
      ++too_many_;
      best.leave_one_out.assign(best.completed.size(), std::numeric_limits<double>::quiet_NaN());
    }
    context_.file.write_range("/leave_one_out", place, best.leave_one_out);
    unobserved_ += best.unobserved;
    iterations_ += best.iterations;
    residual_ = std::max(residual_, best.residual);
    if (best.converged) return;
    failure_ = fmt::format(
        "the predictors of unobserved flows did not converge: the relative residual is {:.3g} "
        "after {} iterations; raise solver.max_iterations or solver.tolerance",
        best.residual, best.iterations);
  }

  void write(const std::string& path, const std::vector<double>& values) {
    context_.file.create_dataset(path, context_.model.extents());
    context_.file.write_range(path, layout_.home_begin(context_.comm.rank()), values);
  }

  FlowContext& context_;
  distribution::Layout layout_;
  GivenEstimates estimates_;
  FlowObservations observations_;
  std::shared_ptr<FlowSolver> solver_;
  std::vector<double> trend_, expectation_;
  std::vector<double> shift_;  ///< what A y is expected to be
  std::string failure_;
  Index unobserved_ = 0;
  Index too_many_ = 0;  ///< years with more unobserved flows than are left out beside
  Index iterations_ = 0;
  double residual_ = 0;
};

}  // namespace

std::string run_flow_predict(FlowContext& context) {
  return FlowPrediction(context).run();
}

}  // namespace kronwerk::application
