// Estimates a Poisson or negative binomial flow model by maximum likelihood: Newton's method or
// quasi-Newton over the filter's parameters, the coefficients and log θ together.
#include <fmt/format.h>

#include <cmath>

#include "application/fit/fit_parameters.hpp"
#include "application/flow/flow_fit.hpp"
#include "application/flow_counts/count_observations.hpp"
#include "application/flow_counts/count_results.hpp"
#include "application/flow_filter/flow_determinant.hpp"
#include "application/flow_filter/flow_solver.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/models/fit/estimate_covariance.hpp"

namespace kronwerk::application {
namespace {

/// Beyond this θ a negative binomial distribution is a Poisson distribution to rounding.
constexpr double largest_theta = 1e10;
/// Of an observed flow: a mean that coefficients which diverge take to zero.
constexpr double vanishing_mean = 1e-5;

models::CountFamily family_of(const FlowContext& context) {
  return context.request().family == configuration::FlowFamily::poisson
             ? models::CountFamily::poisson
             : models::CountFamily::negative_binomial;
}

class CountFit {
 public:
  explicit CountFit(FlowContext& context)
      : context_(context),
        observations_(context.comm, context.job, context.model.extents()),
        binomial_(family_of(context) == models::CountFamily::negative_binomial) {}

  std::string run() {
    read();
    const FlowLikelihood likelihood{
        variable_names(), [&](std::span<const double> x) { return evaluate(x); },
        [&](const std::vector<double>& parameters) { return flow_->begin(parameters); },
        [&](std::span<const double> x) { return evaluate_gradient(x); },
        [&](const std::vector<double>& parameters) { return flow_->begin_plainly(parameters); }};
    return finish(maximise(context_, likelihood, *constraints_));
  }

 private:
  const models::FlowFilter& filter() const { return context_.model.filter(); }

  std::vector<std::string> variable_names() const {
    std::vector<std::string> names = context_.model.estimate_names();
    if (binomial_) names.emplace_back("log(theta)");
    return names;
  }

  void read() {
    Stages& stages = context_.stages;
    models::FlowCounts counts;
    stages.run("read", [&] { counts = observations_.read(); });
    const std::size_t years = counts.years.size();
    stages.run("region", [&] {
      const auto region = find_flow_region(context_.comm, context_.model.data(), filter());
      constraints_.emplace(filter(), region, parameters_to_fit(context_.job));
      flow_.emplace(
          context_.comm, context_.model.workspace(), filter(), context_.model.matrices(),
          context_.model.columns(), std::move(counts), family_of(context_),
          [this](std::span<const double> x) {
            return make_flow_solve(context_.comm, context_.model, x, &solver_);
          },
          context_.model.fixed_effects());
    });
    stages.report(
        "read", fmt::format("{} {} of {} flows, {} observed", years, years == 1 ? "grid" : "grids",
                            core::to_text(context_.model.extents()), flow_->cells()));
  }

  std::optional<models::NewtonPoint> evaluate(std::span<const double> x) {
    if (binomial_ && x.back() > std::log(largest_theta)) return std::nullopt;
    return flow_->evaluate_near(x);
  }

  std::optional<models::NewtonPoint> evaluate_gradient(std::span<const double> x) {
    if (binomial_ && x.back() > std::log(largest_theta)) return std::nullopt;
    return flow_->evaluate_gradient(x);
  }

  bool by_gradients() const { return fits_by_gradients(context_.job, context_.model); }

  /// Whether standard errors are wanted, and what they need fits: why not, if not.
  bool can_find_errors(std::string& why_not) {
    if (!context_.request().fit.standard_errors) return false;
    if (!by_gradients()) return true;
    try {
      const auto& comm = context_.comm;
      check_memory(comm, estimate_flow_memory(comm, context_.job, context_.model, comm.size(),
                                              comm.node_count(), true));
      return true;
    } catch (const core::ResourceError& error) {
      why_not =
          std::string("the derivatives of η by all coefficients are too large: ") + error.what();
      return false;
    }
  }

  std::string finish(const models::NewtonFitResult& fit) {
    const auto& best = fit.state.starts[fit.best];
    CountEstimates estimates;
    estimates.x = best.parameters;
    std::optional<models::NewtonPoint> point;
    const bool errors = can_find_errors(estimates.why_no_errors);
    context_.stages.run("errors", [&] {
      point = errors || !by_gradients() ? flow_->evaluate(estimates.x)
                                        : flow_->evaluate_gradient(estimates.x);
    });
    if (!point) throw core::InternalError("the best point of a fit has no likelihood");
    estimates.log_likelihood = point->value;
    estimates.gradient = point->gradient;
    estimates.cells = flow_->cells();
    estimates.effects = flow_->effects();
    estimates.binomial = binomial_;
    estimates.at_bound = constraints_->at_bound(fit.outcome.active);
    estimates.at_border = constraints_->at_border(best.parameters);
    if (errors) {
      context_.stages.run("errors", [&] { find_covariances(*point, estimates, best.converged); });
    }
    write_course(context_, fit);
    write_count_estimates(context_, estimates);
    write_count_fitted(context_, estimates, *flow_, observations_.shape());
    return report_end(context_, fit, method(), "");
  }

  std::string method() const {
    std::string text = by_gradients() ? "quasi-Newton" : "Newton's method";
    if (flow_->separable()) return text + "; direct: the filter is solved mode by mode";
    return solver_ ? text + "; " + solver_->description() : text;
  }

  void find_covariances(const models::NewtonPoint& point, CountEstimates& estimates,
                        bool converged) {
    std::vector<double> information = point.hessian;
    for (double& value : information) value = -value;
    std::vector<char> fixed(point.x.size(), 0);
    std::ranges::copy(estimates.at_bound, fixed.begin());
    const auto covariance = models::estimate_covariance(information, fixed);
    const auto useless = covariance ? diverging(*covariance) : std::vector<std::string>();
    // Variances given all other variables tell what diverges alone, near a singular filter too.
    std::vector<double> alone(information.size());
    const auto n = point.x.size();
    for (std::size_t i = 0; i < n; ++i) alone[i * n + i] = 1 / information[i * n + i];
    refuse(diverging(alone));
    const bool vanishing = flow_->least_mean() < vanishing_mean;
    if (converged && vanishing && estimates.at_border.empty()) refuse(useless);
    if (!covariance) return;
    if (!useless.empty()) {
      estimates.why_no_errors = fmt::format(
          "the flows do not tell {} apart from the other variables", core::join(useless, ", "));
      return;
    }
    estimates.covariance = *covariance;
    estimates.robust_covariance = models::sandwich(*covariance, flow_->score_products());
  }

  /// Texts of the columns whose coefficients have variances beyond any use.
  std::vector<std::string> diverging(const std::vector<double>& variances) const {
    std::vector<std::string> names;
    for (const std::size_t j : flow_->diverging(variances)) {
      names.push_back("'" + context_.model.column_texts()[j] + "'");
    }
    return names;
  }

  void refuse(const std::vector<std::string>& names) const {
    if (names.empty()) return;
    context_.checkpoint.remove();  // to go on would end here again
    throw core::DataError(fmt::format(
        "{}: the coefficient of {} diverges (separation): the flows that it concerns are all 0, or "
        "without it the others determine them; leave {} out",
        context_.job.where(context_.request().observations.position), core::join(names, ", "),
        names.size() == 1 ? "the column" : "these columns"));
  }

  FlowContext& context_;
  CountObservations observations_;
  bool binomial_;
  std::optional<models::CountFlow> flow_;
  std::optional<models::FilterConstraints> constraints_;
  std::shared_ptr<FlowSolver> solver_;
};

}  // namespace

std::string run_count_fit(FlowContext& context) {
  return CountFit(context).run();
}

}  // namespace kronwerk::application
