// Samples the posterior of a Poisson or negative binomial flow model: the filter's parameters, the
// coefficients and θ together.
#include <fmt/format.h>

#include <cmath>
#include <memory>

#include "application/fit/fit_parameters.hpp"
#include "application/flow/flow_posterior.hpp"
#include "application/flow_counts/count_likelihood.hpp"
#include "application/posterior/posterior_draws.hpp"

namespace kronwerk::application {
namespace {

/// Beyond these θ the density is not evaluated.
constexpr double smallest_theta = 1e-10;
constexpr double largest_theta = 1e10;

class CountPosterior {
 public:
  explicit CountPosterior(FlowContext& context) : context_(context), likelihood_(context) {
    refuse_effects();
  }

  std::string run() {
    likelihood_.read([this](const models::FlowCounts& counts) {
      write_observed_flows(context_, likelihood_.shape(), counts.years);
    });
    PosteriorProblem problem;
    problem.parameters = filter_parameters(context_);
    describe(problem);
    begin(problem);
    problem.model = {[&](std::span<const double> x) { return evaluate(x); },
                     [&] { return likelihood_.solved_by(); }};
    problem.copy = copy;
    problem.copy_needs = needs_of_copies(context_);
    if (context_.job.posterior->log_likelihood) write_log_likelihoods(problem);
    return sample_posterior(context_, problem);
  }

 private:
  const models::FlowFilter& filter() const { return context_.model.filter(); }
  models::CountFlow& flow() { return likelihood_.flow(); }

  static PosteriorModel copy(JobContext& group) {
    struct Copy {
      explicit Copy(JobContext& job) : apart(job), posterior(apart.context) {}
      FlowApart apart;
      CountPosterior posterior;
    };
    const auto copy = std::make_shared<Copy>(group);
    copy->posterior.likelihood_.read();
    return {[copy](std::span<const double> x) { return copy->posterior.evaluate(x); },
            [copy] { return copy->posterior.likelihood_.solved_by(); }};
  }

  void refuse_effects() const {
    if (!context_.model.fixed_effects().any()) return;
    const auto& places = context_.request().fixed_effects;
    throw core::ConfigurationError(fmt::format(
        "{}: a fit takes the fixed effects of counts at their best, which is no posterior; give "
        "regional attributes as columns in their place",
        context_.job.where(places[0] ? *places[0] : *places[1])));
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
    parameter.prior = prior_of(context_.job, requested->prior);
    if (requested->lower) parameter.lower = std::max(0.0, *requested->lower);
    if (requested->upper) parameter.upper = *requested->upper;
    return parameter;
  }

  void describe(PosteriorProblem& problem) {
    for (const auto& each : problem.parameters) problem.variables.push_back({each.name});
    const auto columns = context_.model.column_texts();
    const auto prior = prior_of(context_.job, context_.job.posterior->coefficient_prior);
    note_flat(context_, problem.parameters, prior ? "" : "coefficients");
    for (const auto& text : columns) problem.parameters.push_back({text, 0, prior});
    if (!columns.empty()) problem.variables.push_back({"coefficients", columns, "column"});
    if (!likelihood_.binomial()) return;
    problem.parameters.push_back(theta());
    problem.variables.push_back({"theta"});
  }

  /// Coefficients and θ by the counts' logarithms and moments, and how wide the posterior is about.
  void begin(PosteriorProblem& problem) {
    models::GradientBeginning found;
    context_.stages.run("mode", [&] { found = beginning(); });
    const std::size_t n = found.x.size();
    problem.information = found.metric;
    if (likelihood_.binomial()) {
      auto& parameter = problem.parameters.back();
      const auto support = models::bounded_support(parameter);
      parameter.initial = support.inside(std::exp(found.x.back()));
      // Of θ in place of log θ.
      for (std::size_t i = 0; i < n; ++i) {
        problem.information[i * n + n - 1] /= parameter.initial;
        problem.information[(n - 1) * n + i] /= parameter.initial;
      }
    }
    for (std::size_t i = filter().parameters().size(); i < n - (likelihood_.binomial() ? 1 : 0);
         ++i) {
      auto& parameter = problem.parameters[i];
      parameter.initial = models::bounded_support(parameter).inside(found.x[i]);
    }
  }

  /// With second derivatives where their N x p numbers are few.
  models::GradientBeginning beginning() {
    const auto start = likelihood_.constraints().beginning(1, 0, 0);
    if (flow().variables() > most_by_newton) return flow().begin_plainly(start);
    models::GradientBeginning found{flow().begin(start), {}};
    auto point = flow().evaluate(found.x);
    if (!point) return flow().begin_plainly(start);
    found.metric = std::move(point->hessian);
    for (double& value : found.metric) value = -value;
    return found;
  }

  /// /log_likelihood/flows, of every draw.
  void write_log_likelihoods(PosteriorProblem& problem) {
    const auto& request = *context_.job.posterior;
    const std::string path = "/log_likelihood/flows";
    const core::Extents own = likelihood_.shape();
    core::Extents shape{request.chains, request.draws};
    shape.insert(shape.end(), own.begin(), own.end());
    std::vector<std::string> axes{"chain", "draw"};
    const auto more = flow_axes(own);
    axes.insert(axes.end(), more.begin(), more.end());
    write_coordinates(context_.file, "/log_likelihood", request.chains, request.draws,
                      context_.comm.is_root());
    context_.file.create_dataset(path, shape);
    context_.file.name_axes(path, axes);
    const distribution::Layout layout(context_.model.extents(), 1, context_.comm.size());
    const Index first = layout.home_begin(context_.comm.rank());
    problem.revisit = [this, path, first](Index draw, std::span<const double> values) {
      Index grid = draw * std::ssize(flow().counts().years);
      for (const auto& year : flow().log_probabilities(variables_of(values))) {
        context_.file.write_range(path, grid++ * context_.model.cells() + first, year);
      }
    };
  }

  /// The model's, log θ for θ.
  std::vector<double> variables_of(std::span<const double> x) const {
    std::vector<double> variables(x.begin(), x.end());
    if (likelihood_.binomial()) variables.back() = std::log(x.back());
    return variables;
  }

  models::Evaluation evaluate(std::span<const double> x) {
    if (!likelihood_.constraints().hold(x)) throw core::DataError("outside of the feasible region");
    if (likelihood_.binomial() && !(x.back() > smallest_theta && x.back() < largest_theta)) {
      throw core::DataError("θ is beyond all use");
    }
    auto point = flow().evaluate_gradient(variables_of(x));
    if (!point) throw core::DataError("a mean overflows, or the filter is singular");
    if (likelihood_.binomial()) point->gradient.back() /= x.back();
    return {point->value, std::move(point->gradient)};
  }

  FlowContext& context_;
  CountLikelihood likelihood_;
};

}  // namespace

std::string run_count_posterior(FlowContext& context) {
  return CountPosterior(context).run();
}

}  // namespace kronwerk::application
