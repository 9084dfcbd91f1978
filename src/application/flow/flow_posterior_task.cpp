// Samples the posterior of a Gaussian flow model: the filter's parameters by the No-U-Turn sampler,
// σ² and the coefficients integrated out and drawn given these.
#include <fmt/format.h>

#include "application/fit/fit_parameters.hpp"
#include "application/flow/fixed_effects.hpp"
#include "application/flow/flow_job.hpp"
#include "application/flow/flow_observations.hpp"
#include "application/flow/flow_posterior.hpp"
#include "application/flow_filter/flow_determinant.hpp"
#include "application/posterior/posterior_problem.hpp"
#include "kronwerk/models/flow/gaussian_flow.hpp"
#include "kronwerk/models/flow/integrated_flow.hpp"

namespace kronwerk::application {
namespace {

/// Shape and scale of the prior of σ²; both 0: ∝ 1/σ².
std::pair<double, double> variance_prior(const FlowContext& context) {
  const auto& requested = context.job.posterior->sigma2;
  if (!requested) return {0, 0};
  const std::string where = context.job.where(requested->position);
  const auto prior = prior_of(context.job, requested->prior);
  if (!prior || prior->kind() != models::Prior::Kind::inverse_gamma || requested->lower ||
      requested->upper) {
    throw core::ConfigurationError(
        where +
        ": 'sigma2' is integrated out, which its prior inverse_gamma(shape, scale) alone allows, "
        "without bounds; leave it out for a density of 1/σ²");
  }
  return {prior->first(), prior->second()};
}

models::FlowMoments find_moments(FlowContext& context, const FlowObservations::Flows& flows) {
  if (!flows.complete()) refuse_effects_of_missing(context);
  return models::find_moments(context.comm, context.model.workspace(), context.model.filter(),
                              context.model.matrices(), context.model.columns(), flows.years,
                              context.acts_on(), context.model.fixed_effects());
}

std::optional<models::MissingFlows> find_missing(FlowContext& context,
                                                 FlowObservations::Flows flows) {
  if (flows.complete()) return std::nullopt;
  return models::MissingFlows(context.comm, context.model.workspace(), context.model.filter(),
                              context.model.matrices(), context.model.columns(), flows.years,
                              std::move(flows.missing), context.acts_on());
}

FlowObservations::Flows read_flows(FlowContext& context) {
  return FlowObservations(context.comm, context.job, context.model.extents()).read(false);
}

/// The density with σ² and the coefficients integrated out, and what it is computed from.
class IntegratedPosterior {
 public:
  /// Decomposes the filter's matrices. Collective. @param context  must outlive this
  IntegratedPosterior(FlowContext& context, models::FlowMoments moments,
                      std::optional<models::MissingFlows> missing,
                      std::pair<double, double> variance)
      : context_(context),
        moments_(std::move(moments)),
        missing_(std::move(missing)),
        variance_(variance) {
    const auto& filter = context.model.filter();
    context.stages.run("determinant", [&] {
      determinant_ = make_flow_determinant(context.comm, context.model.data(),
                                           context.model.problem(), filter);
    });
    constraints_.emplace(filter, determinant_.region, parameters_to_fit(context.job));
    flow_.emplace(filter, *determinant_.determinant, moments_, variance.first, variance.second,
                  missing_);
  }

  std::string description() const { return determinant_.determinant->description(); }
  std::string method() const {
    return "coefficients and σ² integrated out; log determinant " + description();
  }

  void check_columns() const {
    const models::GaussianFlow concentrated(context_.model.filter(), *determinant_.determinant,
                                            moments_, moments_.years, context_.model.column_texts(),
                                            missing_);
    concentrated.check_columns(constraints_->beginning(1, 0, 0));
  }

  models::Evaluation evaluate(std::span<const double> x) const {
    if (!constraints_->hold(x)) throw core::DataError("outside of the feasible region");
    return flow_->evaluate(x);
  }

  /// The moments are the same on all ranks; of missing flows every group has its own.
  PosteriorModel copy(JobContext& group) const {
    struct Copy {
      Copy(JobContext& job, const IntegratedPosterior& other)
          : apart(job),
            posterior(apart.context, other.moments_,
                      other.missing_ ? find_missing(apart.context, read_flows(apart.context))
                                     : std::nullopt,
                      other.variance_) {}
      FlowApart apart;
      IntegratedPosterior posterior;
    };
    const auto copy = std::make_shared<Copy>(group, *this);
    return copy->posterior.model(copy);
  }

  /// @param owner  keeps this alive
  PosteriorModel model(std::shared_ptr<const void> owner = {}) const {
    return {[this, owner](std::span<const double> x) { return evaluate(x); },
            [this] { return method(); },
            [this](std::span<const double> x, std::uint64_t seed, std::uint64_t stream) {
              return draw(x, seed, stream);
            }};
  }

 private:
  /// With σ² and the coefficients given the filter.
  std::vector<double> draw(std::span<const double> x, std::uint64_t seed,
                           std::uint64_t stream) const {
    std::vector<double> values(x.begin(), x.end());
    const auto given = flow_->draw(x, seed, stream);
    values.push_back(given.sigma2);
    values.insert(values.end(), given.coefficients.begin(), given.coefficients.end());
    return values;
  }

  FlowContext& context_;
  models::FlowMoments moments_;
  std::optional<models::MissingFlows> missing_;
  std::pair<double, double> variance_;  ///< its prior
  FlowDeterminant determinant_;
  std::optional<models::FilterConstraints> constraints_;
  std::optional<models::IntegratedFlow> flow_;
};

}  // namespace

CopyNeeds needs_of_copies(const FlowContext& context) {
  return [&context](int ranks, int nodes) {
    return estimate_flow_memory(context.comm, context.job, context.model, ranks, nodes, false);
  };
}

std::vector<models::PosteriorParameter> filter_parameters(const FlowContext& context) {
  std::vector<models::PosteriorParameter> parameters;
  for (const auto& each : parameters_to_fit(context.job)) {
    models::PosteriorParameter parameter{each.name, each.initial, each.prior};
    if (each.lower) parameter.lower = *each.lower;
    if (each.upper) parameter.upper = *each.upper;
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

void note_flat(const FlowContext& context,
               const std::vector<models::PosteriorParameter>& parameters,
               const std::string& others) {
  std::string names;
  for (const auto& each : parameters) {
    if (!each.prior) names += (names.empty() ? "" : ", ") + each.name;
  }
  if (!names.empty() && !others.empty()) names += ", ";
  names += others;
  if (names.empty()) return;
  context.stages.print("priors      flat of " + names);
}

std::vector<std::string> flow_axes(const core::Extents& shape) {
  std::vector<std::string> axes{"origin", "destination"};
  if (shape.size() > axes.size()) axes.insert(axes.begin(), "year");
  axes.resize(shape.size());
  if (shape.size() == 1) axes = {"flow"};
  return axes;
}

void write_observed_flows(FlowContext& context, const core::Extents& shape,
                          std::span<const std::vector<double>> years) {
  const distribution::Layout layout(context.model.extents(), 1, context.comm.size());
  const Index first = layout.home_begin(context.comm.rank());
  const std::string path = "/observed_data/flows";
  context.file.create_dataset(path, shape);
  for (std::size_t year = 0; year < years.size(); ++year) {
    context.file.write_range(path, static_cast<Index>(year) * context.model.cells() + first,
                             years[year]);
  }
  context.file.name_axes(path, flow_axes(shape));
}

std::string run_flow_posterior(FlowContext& context) {
  Stages& stages = context.stages;
  const auto variance = variance_prior(context);
  FlowObservations observations(context.comm, context.job, context.model.extents());
  FlowObservations::Flows flows;
  stages.run("read", [&] { flows = observations.read(false); });
  models::FlowMoments moments;
  std::vector<std::vector<double>> seen;
  stages.run("read", [&] {
    for (Index year = 0; year < observations.years(); ++year) {
      seen.push_back(observations.observed(year));
    }
  });
  write_observed_flows(context, observations.shape(), seen);
  std::optional<models::MissingFlows> missing;
  stages.run("moments", [&] {
    moments = find_moments(context, flows);
    missing = find_missing(context, std::move(flows));
  });
  const IntegratedPosterior posterior(context, std::move(moments), std::move(missing), variance);
  stages.report("determinant", posterior.description());
  posterior.check_columns();
  PosteriorProblem problem;
  problem.parameters = filter_parameters(context);
  problem.model = posterior.model();
  problem.copy = [&](JobContext& group) { return posterior.copy(group); };
  problem.copy_needs = needs_of_copies(context);
  for (const auto& each : problem.parameters) problem.variables.push_back({each.name});
  problem.variables.push_back({"sigma2"});
  const auto columns = context.model.column_texts();
  if (!columns.empty()) problem.variables.push_back({"coefficients", columns, "column"});
  note_flat(context, problem.parameters, "coefficients and log σ²");
  return sample_posterior(context, problem);
}

}  // namespace kronwerk::application
