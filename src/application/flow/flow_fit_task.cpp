// Estimates a Gaussian flow model by maximum likelihood: Newton's method on the likelihood
// concentrated over the coefficients and σ².
#include <fmt/format.h>

#include <cmath>

#include "application/flow/flow_determinant.hpp"
#include "application/flow/flow_job.hpp"
#include "application/flow/flow_observations.hpp"
#include "application/flow/flow_results.hpp"
#include "application/gaussian/fit_checkpoint.hpp"
#include "application/gaussian/fit_output.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/models/fit/newton_fit.hpp"
#include "kronwerk/models/flow/gaussian_flow.hpp"
#include "kronwerk/models/flow_determinants/filter_constraints.hpp"

namespace kronwerk::application {
namespace {

using models::GaussianFlow;

/// One fit, from the observations to the results.
class FlowFit {
 public:
  explicit FlowFit(FlowContext& context)
      : context_(context), observations_(context.comm, context.job, context.model.extents()) {}

  std::string run() {
    read();
    find_determinant();
    const auto fit = maximise();
    finish(fit);
    return failure_;
  }

 private:
  const models::FlowFilter& filter() const { return context_.model.filter(); }
  static models::FilterActsOn acts_on(const FlowContext& context) {
    return context.request().acts_on == configuration::FilterActsOn::errors
               ? models::FilterActsOn::errors
               : models::FilterActsOn::response;
  }

  void read() {
    Stages& stages = context_.stages;
    stages.run("read", [&] { flows_ = observations_.read(context_.request().jacobian); });
    Index absent = 0;
    for (const auto& cells : flows_.missing) absent += std::ssize(cells);
    stages.report("read",
                  fmt::format("{} {} of {} flows{}", flows_.years.size(),
                              flows_.years.size() == 1 ? "grid" : "grids",
                              core::to_text(context_.model.extents()),
                              absent == 0 ? "" : fmt::format(", {} of them missing", absent)));
    stages.run("moments", [&] {
      moments_ = models::find_moments(context_.comm, context_.model.workspace(), filter(),
                                      context_.model.matrices(), context_.model.columns(),
                                      flows_.years, acts_on(context_));
      if (flows_.complete()) return;
      missing_.emplace(context_.comm, context_.model.workspace(), filter(),
                       context_.model.matrices(), context_.model.columns(), flows_.years,
                       flows_.missing, acts_on(context_));
    });
    stages.report("moments", fmt::format("{} lags, {} columns", filter().terms().size(),
                                         context_.model.columns().size()));
  }

  void find_determinant() {
    Stages& stages = context_.stages;
    stages.run("determinant", [&] {
      determinant_ = make_flow_determinant(context_.comm, context_.model.data(),
                                           context_.model.problem(), filter());
    });
    stages.report("determinant", determinant_.determinant->description());
    flow_.emplace(filter(), *determinant_.determinant, std::move(moments_),
                  std::ssize(flows_.years), context_.model.column_texts(), std::move(missing_));
    constraints_.emplace(filter(), determinant_.region, parameters_to_fit(context_));
    const auto initial = constraints_->beginning(1, 0, 0);
    flow_->check_columns(initial);
    flow_->evaluate(initial);  // what is wrong there is said, not avoided
  }

  std::optional<models::NewtonPoint> evaluate(std::span<const double> x) const {
    // Where a termination that was asked for takes effect.
    context_.stages.run("fit", [] {});
    if (!constraints_->hold(x)) return std::nullopt;
    GaussianFlow::Value value;
    try {
      value = flow_->evaluate(x);
    } catch (const core::DataError&) {
      return std::nullopt;
    }
    models::NewtonPoint point{{x.begin(), x.end()},
                              value.log_likelihood + flows_.log_jacobian,
                              std::move(value.gradient),
                              std::move(value.hessian)};
    constraints_->add_priors(point);
    return point;
  }

  models::NewtonFitResult maximise() {
    Stages& stages = context_.stages;
    const auto& request = context_.request().fit;
    FitCheckpoint checkpoint(context_.comm, context_.job, stages);
    models::NewtonFitSettings settings;
    settings.starts = request.starts;
    settings.seed = request.seed;
    settings.beginning = [&](Index start, Index attempt) {
      return constraints_->beginning(request.seed, start, attempt);
    };
    settings.newton.tolerance = request.tolerance;
    settings.newton.max_iterations = request.max_iterations;
    settings.newton.linear_constraints = constraints_->linear();
    settings.on_iteration = [&](const models::FitIteration& iteration) {
      stages.print(line_of(iteration, filter().parameters()));
    };
    settings.checkpoint = [&](const models::FitState& state) { checkpoint.write(state); };
    settings.resume = checkpoint.read();
    if (settings.resume) stages.print("            goes on from " + checkpoint.file());
    stages.print("start  step   log likelihood         distance  parameters");
    models::NewtonFitResult fit;
    stages.run("fit", [&] {
      fit = models::fit_by_newton([&](std::span<const double> x) { return evaluate(x); },
                                  std::cref(*constraints_), filter().parameters(), settings);
    });
    Index evaluations = 0;
    for (const auto& start : fit.state.starts) evaluations += start.evaluations;
    stages.report("fit", fmt::format("{} evaluations", evaluations));
    context_.report.set("evaluations", evaluations);
    return fit;
  }

  void finish(const models::NewtonFitResult& fit) {
    const auto& best = fit.state.starts[fit.best];
    FlowEstimates estimates;
    estimates.parameters = best.parameters;
    estimates.value = flow_->evaluate(best.parameters);
    estimates.log_likelihood = estimates.value.log_likelihood + flows_.log_jacobian;
    estimates.cells = flow_->cells();
    estimates.at_bound = constraints_->at_bound(fit.outcome.active);
    estimates.at_border = constraints_->at_border(fit.outcome.active);
    if (context_.request().fit.standard_errors) {
      estimates.information = flow_->information(best.parameters);
    }
    context_.file.write_scalar("/objective", best.objective);
    context_.file.write_vector("/history", best.history);
    write_starts(context_.file, fit.state);
    write_estimates(context_, estimates);
    if (!best.converged) {
      failure_ = fmt::format(
          "the fit did not converge: {}; the best point reached was written to {} with converged = "
          "0. Raise fit.max_iterations or fit.tolerance, or start nearer",
          best.outcome, context_.job.output.file);
    }
    const std::string solve = write_fitted(context_, estimates, flows_, observations_.shape());
    if (failure_.empty()) failure_ = solve;
    context_.report.set(
        "method", "Newton's method; log determinant " + determinant_.determinant->description());
    context_.report.set("converged", Index{failure_.empty() ? 1 : 0});
    context_.report.set("iterations", best.iterations);
    context_.report.set("best_start", static_cast<Index>(fit.best) + 1);
  }

  FlowContext& context_;
  FlowObservations observations_;
  FlowObservations::Flows flows_;
  models::FlowMoments moments_;
  std::optional<models::MissingFlows> missing_;
  FlowDeterminant determinant_;
  std::optional<GaussianFlow> flow_;
  std::optional<models::FilterConstraints> constraints_;
  std::string failure_;
};

}  // namespace

std::string run_flow_fit(FlowContext& context) {
  return FlowFit(context).run();
}

}  // namespace kronwerk::application
