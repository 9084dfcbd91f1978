// Samples the posterior of a Gaussian model's parameters, and of the coefficients of its mean.
#include <fmt/format.h>

#include <cmath>
#include <memory>

#include "application/fit/fit_parameters.hpp"
#include "application/gaussian/likelihood.hpp"
#include "application/posterior/posterior_problem.hpp"

namespace kronwerk::application {
namespace {

class GaussianPosterior {
 public:
  explicit GaussianPosterior(GaussianContext& context) : context_(context), likelihood_(context) {}

  std::string run() {
    write_observations();
    PosteriorProblem problem;
    for (const auto& each : parameters_to_fit(context_.job)) {
      names_.push_back(each.name);
      problem.parameters.push_back(parameter_of(each));
      problem.variables.push_back({each.name});
    }
    add_coefficients(problem);
    problem.model = {[this](std::span<const double> x) { return evaluate(x); },
                     [this] { return method_; }};
    problem.copy = [this](JobContext& group) { return copy(group); };
    problem.copy_needs = [this](int ranks, int nodes) {
      return estimate_gaussian_memory(context_.comm, context_.job, context_.model, ranks, nodes);
    };
    return sample_posterior(context_, problem);
  }

 private:
  PosteriorModel copy(JobContext& group) const {
    struct Copy {
      Copy(JobContext& job, const GaussianPosterior& other)
          : model(job.comm, job.job),
            context{job, model, std::make_shared<operators::Workspace>(job.comm),
                    other.context_.parameters},
            posterior(context) {
        posterior.names_ = other.names_;
      }
      GaussianModel model;
      GaussianContext context;
      GaussianPosterior posterior;
    };
    const auto copy = std::make_shared<Copy>(group, *this);
    return {[copy](std::span<const double> x) { return copy->posterior.evaluate(x); },
            [copy] { return copy->posterior.method_; }};
  }

  /// @throws ConfigurationError if its prior has no integral and nothing else bounds it
  models::PosteriorParameter parameter_of(const models::FitParameter& each) const {
    const auto& mean = context_.request().mean.parameter;
    const bool of_mean = mean && mean->value == each.name &&
                         !context_.model.covariance_parameters().contains(each.name);
    models::PosteriorParameter parameter{each.name, each.initial, each.prior};
    if (of_mean) {
      if (each.lower) parameter.lower = *each.lower;
      if (each.upper) parameter.upper = *each.upper;
      if (!each.prior) context_.stages.print("priors      flat of " + each.name);
      return parameter;
    }
    const auto support = models::support_of(each);
    parameter.lower = support.lower;
    parameter.upper = support.upper;
    if (parameter.proper()) return parameter;
    throw core::ConfigurationError(fmt::format(
        "{}: the posterior may be improper: '{}' has no prior, and its bounds {} and {} leave it "
        "without end. Give it a prior, {}: {{prior: \"half_normal(2)\"}}, or both bounds",
        context_.job.where(context_.job.varied().at(each.name).position), each.name,
        parameter.lower, parameter.upper, each.name));
  }

  /// The coefficients of a regression vary with the parameters, from their best at the start.
  void add_coefficients(PosteriorProblem& problem) {
    const auto& columns = context_.request().mean.columns;
    const std::size_t before = problem.parameters.size();
    std::vector<std::string> texts;
    for (const auto& column : columns) texts.push_back(column.value);
    if (columns.empty()) return;
    Likelihood::Value start;
    context_.stages.run("mode", [&] { start = likelihood_.evaluate(context_.parameters, {}); });
    refuse_estimates(start);
    const auto prior = prior_of(context_.job, context_.job.posterior->coefficient_prior);
    if (!prior) context_.stages.print("priors      flat of coefficients");
    const std::size_t p = columns.size();
    const std::size_t n = before + p;
    problem.information.assign(n * n, 0.0);
    for (std::size_t i = 0; i < before; ++i) {
      // Of no other scale than that of the free coordinate.
      const auto bounded = models::bounded(problem.parameters[i]);
      const double slope =
          models::from_free(bounded, models::to_free(bounded, bounded.initial)).derivative;
      problem.information[i * n + i] = 1 / (slope * slope);
    }
    for (std::size_t j = 0; j < p; ++j) {
      models::PosteriorParameter parameter{texts[j], start.mean.coefficients[j], prior};
      parameter.initial = models::bounded_support(parameter).inside(parameter.initial);
      problem.parameters.push_back(std::move(parameter));
      problem.information[(before + j) * n + before + j] = 1 / start.mean.covariance[j * p + j];
    }
    problem.variables.push_back({"coefficients", texts, "column"});
  }

  void refuse_estimates(const Likelihood::Value& value) const {
    if (value.standard_error == 0) return;
    throw core::ConfigurationError(fmt::format(
        "{}: so many cells are missing that the log density is an estimate (± {:.2g}), which a "
        "sampler cannot use: up to {} missing cells are exact. Leave slices of the grid out, or "
        "fit instead",
        context_.job.where(context_.request().observations->position), value.standard_error,
        likelihood_.missing_settings().exact_limit));
  }

  models::Evaluation evaluate(std::span<const double> x) {
    Parameters all = context_.parameters;
    for (std::size_t p = 0; p < names_.size(); ++p) all[names_[p]] = x[p];
    Likelihood::Request request{names_, false, models::Judged::first_use};
    request.coefficients.assign(x.begin() + std::ssize(names_), x.end());
    Likelihood::Value value = likelihood_.evaluate(all, request);
    refuse_estimates(value);
    if (!value.solves.failure().empty()) throw core::DataError(value.solves.failure());
    method_ = std::move(value.method);
    models::Evaluation result{value.total(), std::move(value.gradient)};
    if (!request.coefficients.empty()) {
      result.gradient.insert(result.gradient.end(), value.mean_gradient.begin(),
                             value.mean_gradient.end());
    }
    return result;
  }

  void write_observations() {
    const Observations& observations = likelihood_.observations();
    const std::string path = "/observed_data/y";
    const core::Extents shape = dataset_shape(observations.shape(), context_.model.extents());
    context_.file.create_dataset(path, shape);
    Index first = 0;
    for (const auto& block : likelihood_.blocks()) {
      observations.scatter(first, likelihood_.layout(), block, std::nan(""),
                           [&](Index offset, std::span<const double> values) {
                             context_.file.write_range(path, offset, values);
                           });
      first += likelihood_.observations_per_block();
    }
    std::vector<std::string> axes;
    for (std::size_t k = 0; k < context_.model.extents().size(); ++k) {
      axes.push_back(fmt::format("mode_{}", k + 1));
    }
    if (shape.size() > axes.size()) axes.insert(axes.begin(), "observation");
    // Flat datasets have one axis for all modes.
    if (shape.size() < axes.size()) axes.clear();
    context_.file.name_axes(path, axes);
  }

  GaussianContext& context_;
  Likelihood likelihood_;
  std::vector<std::string> names_;
  std::string method_;  ///< of the last evaluation
};

}  // namespace

std::string run_posterior(GaussianContext& context) {
  return GaussianPosterior(context).run();
}

}  // namespace kronwerk::application
