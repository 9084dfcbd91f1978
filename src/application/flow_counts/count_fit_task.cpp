// Estimates a Poisson or negative binomial flow model by maximum likelihood: Newton's method or
// quasi-Newton over the filter's parameters, the coefficients and log θ together.
#include <fmt/format.h>

#include <cmath>

#include "application/flow/flow_fit.hpp"
#include "application/flow_counts/count_likelihood.hpp"
#include "application/flow_counts/count_results.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/models/fit/estimate_covariance.hpp"

namespace kronwerk::application {
namespace {

/// Beyond this θ a negative binomial distribution is a Poisson distribution to rounding.
constexpr double largest_theta = 1e10;
/// Of an observed flow: a mean that coefficients which diverge take to zero.
constexpr double vanishing_mean = 1e-5;

class CountFit {
 public:
  explicit CountFit(FlowContext& context) : context_(context), likelihood_(context) {}

  std::string run() {
    likelihood_.read();
    const FlowLikelihood functions{
        variable_names(), [&](std::span<const double> x) { return evaluate(x); },
        [&](const std::vector<double>& parameters) { return flow().begin(parameters); },
        [&](std::span<const double> x) { return evaluate_gradient(x); },
        [&](const std::vector<double>& parameters) { return flow().begin_plainly(parameters); }};
    return finish(maximise(context_, functions, likelihood_.constraints()));
  }

 private:
  models::CountFlow& flow() { return likelihood_.flow(); }
  const models::CountFlow& flow() const { return likelihood_.flow(); }

  std::vector<std::string> variable_names() const {
    std::vector<std::string> names = context_.model.estimate_names();
    if (likelihood_.binomial()) names.emplace_back("log(theta)");
    return names;
  }

  std::optional<models::NewtonPoint> evaluate(std::span<const double> x) {
    if (likelihood_.binomial() && x.back() > std::log(largest_theta)) return std::nullopt;
    return flow().evaluate_near(x);
  }

  std::optional<models::NewtonPoint> evaluate_gradient(std::span<const double> x) {
    if (likelihood_.binomial() && x.back() > std::log(largest_theta)) return std::nullopt;
    return flow().evaluate_gradient(x);
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
      point = errors || !by_gradients() ? flow().evaluate(estimates.x)
                                        : flow().evaluate_gradient(estimates.x);
    });
    if (!point) throw core::InternalError("the best point of a fit has no likelihood");
    estimates.log_likelihood = point->value;
    estimates.gradient = point->gradient;
    estimates.cells = flow().cells();
    estimates.effects = flow().effects();
    estimates.binomial = likelihood_.binomial();
    estimates.at_bound = likelihood_.constraints().at_bound(fit.outcome.active);
    estimates.at_border = likelihood_.constraints().at_border(best.parameters);
    if (errors) {
      context_.stages.run("errors", [&] { find_covariances(*point, estimates, best.converged); });
    }
    write_course(context_, fit);
    write_count_estimates(context_, estimates);
    write_count_fitted(context_, estimates, flow(), likelihood_.shape());
    return report_end(context_, fit, method(), "");
  }

  std::string method() const {
    std::string text = by_gradients() ? "quasi-Newton" : "Newton's method";
    if (flow().separable()) text += "; direct";
    const std::string solved = likelihood_.solved_by();
    if (solved.empty()) return text;
    return text + (flow().separable() ? ": " : "; ") + solved;
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
    const bool vanishing = flow().least_mean() < vanishing_mean;
    if (converged && vanishing && estimates.at_border.empty()) refuse(useless);
    if (!covariance) return;
    if (!useless.empty()) {
      estimates.why_no_errors = fmt::format(
          "the flows do not tell {} apart from the other variables", core::join(useless, ", "));
      return;
    }
    estimates.covariance = *covariance;
    estimates.robust_covariance = models::sandwich(*covariance, flow().score_products());
  }

  /// Texts of the columns whose coefficients have variances beyond any use.
  std::vector<std::string> diverging(const std::vector<double>& variances) const {
    std::vector<std::string> names;
    for (const std::size_t j : flow().diverging(variances)) {
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
  CountLikelihood likelihood_;
};

}  // namespace

std::string run_count_fit(FlowContext& context) {
  return CountFit(context).run();
}

}  // namespace kronwerk::application
