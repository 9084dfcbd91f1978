// Estimates a Gaussian flow model by maximum likelihood: Newton's method on the likelihood
// concentrated over the coefficients and σ².
#include <fmt/format.h>

#include <cmath>

#include "application/fit/fit_parameters.hpp"
#include "application/flow/fixed_effects.hpp"
#include "application/flow/flow_fit.hpp"
#include "application/flow/flow_observations.hpp"
#include "application/flow/flow_results.hpp"
#include "application/flow_filter/flow_determinant.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/models/flow/gaussian_flow.hpp"

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
    const FlowLikelihood likelihood{
        filter().parameters(), [&](std::span<const double> x) { return evaluate(x); },
        [](const std::vector<double>& parameters) { return parameters; }};
    return finish(maximise(context_, likelihood, *constraints_));
  }

 private:
  const models::FlowFilter& filter() const { return context_.model.filter(); }

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
    if (absent > 0) refuse_effects_of_missing(context_);
    stages.run("moments", [&] {
      moments_ =
          models::find_moments(context_.comm, context_.model.workspace(), filter(),
                               context_.model.matrices(), context_.model.columns(), flows_.years,
                               context_.acts_on(), context_.model.fixed_effects());
      if (flows_.complete()) return;
      missing_.emplace(context_.comm, context_.model.workspace(), filter(),
                       context_.model.matrices(), context_.model.columns(), flows_.years,
                       flows_.missing, context_.acts_on());
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
    constraints_.emplace(filter(), determinant_.region, parameters_to_fit(context_.job));
    const auto initial = constraints_->beginning(1, 0, 0);
    flow_->check_columns(initial);
    flow_->evaluate(initial);  // what is wrong there is said, not avoided
  }

  std::optional<models::NewtonPoint> evaluate(std::span<const double> x) const {
    GaussianFlow::Value value;
    try {
      value = flow_->evaluate(x);
    } catch (const core::DataError&) {
      return std::nullopt;
    }
    return models::NewtonPoint{{x.begin(), x.end()},
                               value.log_likelihood + flows_.log_jacobian,
                               std::move(value.gradient),
                               std::move(value.hessian)};
  }

  std::string finish(const models::NewtonFitResult& fit) {
    const auto& best = fit.state.starts[fit.best];
    FlowEstimates estimates;
    estimates.parameters = best.parameters;
    estimates.value = flow_->evaluate(best.parameters);
    estimates.log_likelihood = estimates.value.log_likelihood + flows_.log_jacobian;
    estimates.cells = flow_->cells();
    estimates.at_bound = constraints_->at_bound(fit.outcome.active);
    estimates.at_border = constraints_->at_border(best.parameters);
    estimates.effects = flow_->effects(estimates.value, best.parameters);
    if (context_.acts_on() == models::FilterActsOn::errors) {
      estimates.effects = models::solve_for_effects(
          context_.comm, filter(), context_.model.matrices(),
          filter().coefficients(best.parameters).value, estimates.effects);
    }
    if (context_.request().fit.standard_errors) {
      estimates.information = flow_->information(best.parameters);
    }
    write_course(context_, fit);
    write_estimates(context_, estimates);
    const std::string rejected = write_fitted(context_, estimates, flows_, observations_.shape());
    return report_end(context_, fit,
                      "Newton's method; log determinant " + determinant_.determinant->description(),
                      rejected);
  }

  FlowContext& context_;
  FlowObservations observations_;
  FlowObservations::Flows flows_;
  models::FlowMoments moments_;
  std::optional<models::MissingFlows> missing_;
  FlowDeterminant determinant_;
  std::optional<GaussianFlow> flow_;
  std::optional<models::FilterConstraints> constraints_;
};

}  // namespace

std::string run_flow_fit(FlowContext& context) {
  return FlowFit(context).run();
}

}  // namespace kronwerk::application
