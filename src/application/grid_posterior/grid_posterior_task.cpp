// Samples the posterior of the parameters of a model on a grid, with the coefficients of its mean
// integrated out and drawn given these, or sampled with them.
#include <fmt/format.h>

#include <map>
#include <memory>

#include "application/fit/fit_parameters.hpp"
#include "application/grid_posterior/grid_density.hpp"
#include "application/posterior/posterior_problem.hpp"
#include "kronwerk/models/density/mean_uncertainty.hpp"

namespace kronwerk::application {
namespace {

/// More points than trajectories usually have.
constexpr std::size_t most_means = 2000;

class GridPosterior {
 public:
  explicit GridPosterior(GaussianContext& context)
      : context_(context),
        density_(context.request().likelihood ? make_latent_grid_density(context)
                                              : make_gaussian_grid_density(context)),
        prior_(prior_of(context.job, context.job.posterior->coefficient_prior)) {
    for (const auto& each : parameters_to_fit(context.job)) names_.push_back(each.name);
  }

  std::string run() {
    density_->write_observations();
    PosteriorProblem problem;
    for (const auto& each : parameters_to_fit(context_.job)) {
      problem.parameters.push_back(parameter_of(each));
      problem.variables.push_back({each.name});
    }
    if (!context_.request().mean.columns.empty()) add_coefficients(problem);
    problem.model = model();
    problem.copy = [this](JobContext& group) { return copy(group); };
    problem.copy_needs = [this](int ranks, int nodes) {
      return estimate_gaussian_memory(context_.comm, context_.job, context_.model, ranks, nodes);
    };
    return sample_posterior(context_, problem);
  }

 private:
  /// @param owner  keeps this alive
  PosteriorModel model(std::shared_ptr<const void> owner = {}) {
    PosteriorModel model{[this, owner](std::span<const double> x) { return evaluate(x); },
                         [this] {
                           return density_->method() +
                                  (integrates() ? "; coefficients integrated out" : "");
                         }};
    if (integrates()) {
      model.draw = [this](std::span<const double> x, std::uint64_t seed, std::uint64_t stream) {
        return draw(x, seed, stream);
      };
    }
    return model;
  }

  PosteriorModel copy(JobContext& group) const {
    struct Copy {
      Copy(JobContext& job, const GaussianContext& other)
          : model(job.comm, job.job),
            context{job, model, std::make_shared<operators::Workspace>(job.comm), other.parameters},
            posterior(context) {}
      GaussianModel model;
      GaussianContext context;
      GridPosterior posterior;
    };
    const auto copy = std::make_shared<Copy>(group, context_);
    return copy->posterior.model(copy);
  }

  /// Whether the coefficients are known given the parameters: Gaussian under a flat or normal
  /// prior.
  bool integrates() const {
    return !context_.request().mean.columns.empty() &&
           (!prior_ || prior_->kind() == models::Prior::Kind::normal);
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

  void add_coefficients(PosteriorProblem& problem) {
    std::vector<std::string> texts;
    for (const auto& column : context_.request().mean.columns) texts.push_back(column.value);
    if (!prior_) context_.stages.print("priors      flat of coefficients");
    GridDensity::Value start;
    context_.stages.run("mode", [&] { start = density_->evaluate(context_.parameters, {}, {}); });
    if (!integrates()) vary_coefficients(problem, texts, start.mean);
    problem.variables.push_back({"coefficients", texts, "column"});
  }

  /// Beside the parameters, from their best at the start.
  void vary_coefficients(PosteriorProblem& problem, const std::vector<std::string>& texts,
                         const models::MeanEstimate& start) const {
    const std::size_t p = texts.size();
    const std::size_t before = problem.parameters.size();
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
      models::PosteriorParameter parameter{texts[j], start.coefficients[j], prior_};
      parameter.initial = models::bounded_support(parameter).inside(parameter.initial);
      problem.parameters.push_back(std::move(parameter));
      problem.information[(before + j) * n + before + j] = 1 / start.covariance[j * p + j];
    }
  }

  models::Evaluation evaluate(std::span<const double> x) {
    Parameters all = context_.parameters;
    for (std::size_t p = 0; p < names_.size(); ++p) all[names_[p]] = x[p];
    auto found = density_->evaluate(all, names_, x.subspan(names_.size()));
    if (means_.size() >= most_means) means_.clear();
    if (integrates()) means_.insert_or_assign({x.begin(), x.end()}, std::move(found.mean));
    return {found.value, std::move(found.gradient)};
  }

  /// With coefficients given the parameters, whose moments the trajectory has found.
  std::vector<double> draw(std::span<const double> x, std::uint64_t seed, std::uint64_t stream) {
    std::vector<double> values(x.begin(), x.end());
    if (!means_.contains(values)) evaluate(x);
    auto known = means_.extract(values);
    const models::MeanEstimate& mean = known.mapped();
    const auto deviation = models::draw_coefficients(mean.covariance, mean.estimated, seed,
                                                     static_cast<Index>(stream));
    for (std::size_t j = 0; j < deviation.size(); ++j) {
      values.push_back(mean.coefficients[j] + deviation[j]);
    }
    // The next trajectory begins here, and may end here again.
    means_.clear();
    means_.insert(std::move(known));
    return values;
  }

  GaussianContext& context_;
  std::unique_ptr<GridDensity> density_;
  std::optional<models::Prior> prior_;  ///< of the coefficients
  std::vector<std::string> names_;
  std::map<std::vector<double>, models::MeanEstimate> means_;  ///< since the last draw
};

}  // namespace

std::string run_posterior(GaussianContext& context) {
  return GridPosterior(context).run();
}

}  // namespace kronwerk::application
