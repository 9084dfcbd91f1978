// Samples the posterior of a Poisson or negative binomial flow model: the filter's parameters, the
// coefficients and θ together.
#include <fmt/format.h>

#include <cmath>

#include "application/fit/fit_parameters.hpp"
#include "application/flow/flow_posterior.hpp"
#include "application/flow_counts/count_observations.hpp"
#include "application/flow_filter/flow_determinant.hpp"
#include "application/flow_filter/flow_solver.hpp"
#include "application/posterior/posterior_problem.hpp"

namespace kronwerk::application {
namespace {

/// Of the likelihood's variables (…, log θ): ∂ log θ / ∂θ of the last.
constexpr double smallest_theta = 1e-10;
constexpr double largest_theta = 1e10;

class CountPosterior {
 public:
  explicit CountPosterior(FlowContext& context)
      : context_(context),
        observations_(context.comm, context.job, context.model.extents()),
        binomial_(context.request().family == configuration::FlowFamily::negative_binomial) {
    refuse_effects();
  }

  std::string run() {
    read();
    PosteriorProblem problem;
    problem.parameters = filter_parameters(context_);
    describe(problem);
    begin(problem);
    problem.log_density = [&](std::span<const double> x) { return evaluate(x, problem); };
    return sample_posterior(context_, problem);
  }

 private:
  const models::FlowFilter& filter() const { return context_.model.filter(); }

  void refuse_effects() const {
    if (!context_.model.fixed_effects().any()) return;
    const auto& places = context_.request().fixed_effects;
    throw core::ConfigurationError(fmt::format(
        "{}: a fit takes the fixed effects of counts at their best, which is no posterior; give "
        "regional attributes as columns in their place",
        context_.job.where(places[0] ? *places[0] : *places[1])));
  }

  void read() {
    Stages& stages = context_.stages;
    models::FlowCounts counts;
    stages.run("read", [&] { counts = observations_.read(); });
    const std::size_t years = counts.years.size();
    write_observed_flows(context_, observations_.shape(), counts.years);
    stages.run("region", [&] {
      constraints_.emplace(filter(),
                           find_flow_region(context_.comm, context_.model.data(), filter()),
                           parameters_to_fit(context_.job));
      flow_.emplace(
          context_.comm, context_.model.workspace(), filter(), context_.model.matrices(),
          context_.model.columns(), std::move(counts),
          binomial_ ? models::CountFamily::negative_binomial : models::CountFamily::poisson,
          [this](std::span<const double> x) {
            return make_flow_solve(context_.comm, context_.model, x, &solver_);
          });
    });
    stages.report(
        "read", fmt::format("{} {} of {} flows, {} observed", years, years == 1 ? "grid" : "grids",
                            core::to_text(context_.model.extents()), flow_->cells()));
  }

  /// The prior of θ: its likelihood goes to that of Poisson counts as θ grows, and never to 0.
  models::PosteriorParameter theta() const {
    const auto& requested = context_.job.posterior->theta;
    if (!requested || !requested->prior) {
      throw core::ConfigurationError(fmt::format(
          "{}: the posterior is improper without a prior of 'theta', since Poisson counts are "
          "their limit for large θ: posterior: {{parameters: {{theta: {{prior: \"gamma(2, "
          "0.1)\"}}}}}}",
          context_.job.where(requested ? requested->position : context_.job.posterior->position)));
    }
    models::PosteriorParameter parameter{"theta", 1, {}, 0};
    parameter.prior = models::Prior::parse(
        {requested->prior->value, context_.job.where(requested->prior->position)});
    if (requested->lower) parameter.lower = std::max(0.0, *requested->lower);
    if (requested->upper) parameter.upper = *requested->upper;
    return parameter;
  }

  void describe(PosteriorProblem& problem) {
    for (const auto& each : problem.parameters) problem.variables.push_back({each.name});
    const auto columns = context_.model.column_texts();
    const auto prior = coefficient_prior(context_.job);
    for (const auto& text : columns) problem.parameters.push_back({text, 0, prior});
    note_flat(context_, filter_parameters(context_), prior ? "" : "coefficients");
    if (!columns.empty()) problem.variables.push_back({"coefficients", columns, "column"});
    if (!binomial_) return;
    problem.parameters.push_back(theta());
    problem.variables.push_back({"theta"});
  }

  /// Coefficients and θ by the counts' logarithms and moments, and how wide the posterior is about.
  void begin(PosteriorProblem& problem) {
    models::GradientBeginning found;
    context_.stages.run("mode", [&] { found = beginning(); });
    const std::size_t n = found.x.size();
    problem.information = found.metric;
    if (binomial_) {
      auto& parameter = problem.parameters.back();
      const auto support = models::bounded_support(parameter);
      parameter.initial = support.inside(std::exp(found.x.back()));
      // Of θ in place of log θ.
      for (std::size_t i = 0; i < n; ++i) {
        problem.information[i * n + n - 1] /= parameter.initial;
        problem.information[(n - 1) * n + i] /= parameter.initial;
      }
    }
    for (std::size_t i = filter().parameters().size(); i < n - (binomial_ ? 1 : 0); ++i) {
      auto& parameter = problem.parameters[i];
      parameter.initial = models::bounded_support(parameter).inside(found.x[i]);
    }
  }

  /// With second derivatives where their N x p numbers are few.
  models::GradientBeginning beginning() {
    constexpr std::size_t most_by_hessian = 60;
    const auto start = constraints_->beginning(1, 0, 0);
    if (flow_->variables() > most_by_hessian) return flow_->begin_plainly(start);
    models::GradientBeginning found{flow_->begin(start), {}};
    auto point = flow_->evaluate(found.x);
    if (!point) return flow_->begin_plainly(start);
    found.metric = std::move(point->hessian);
    for (double& value : found.metric) value = -value;
    return found;
  }

  models::Evaluation evaluate(std::span<const double> x, PosteriorProblem& problem) {
    if (!constraints_->hold(x)) throw core::DataError("outside of the feasible region");
    std::vector<double> variables(x.begin(), x.end());
    if (binomial_) {
      if (!(x.back() > smallest_theta && x.back() < largest_theta)) {
        throw core::DataError("θ is beyond all use");
      }
      variables.back() = std::log(x.back());
    }
    std::optional<models::NewtonPoint> point;
    try {
      point = flow_->evaluate_gradient(variables);
    } catch (const core::ConvergenceError& error) {
      throw core::DataError(error.what());
    }
    if (!point) throw core::DataError("a mean overflows, or the filter is singular");
    if (binomial_) point->gradient.back() /= x.back();
    if (problem.method.empty()) {
      problem.method = flow_->separable() ? "the filter is solved mode by mode"
                       : solver_          ? solver_->description()
                                          : "";
    }
    return {point->value, std::move(point->gradient)};
  }

  FlowContext& context_;
  CountObservations observations_;
  bool binomial_;
  std::optional<models::CountFlow> flow_;
  std::optional<models::FilterConstraints> constraints_;
  std::shared_ptr<FlowSolver> solver_;
};

}  // namespace

std::string run_count_posterior(FlowContext& context) {
  return CountPosterior(context).run();
}

}  // namespace kronwerk::application
