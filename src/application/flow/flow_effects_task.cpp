// Effects of a regional attribute on flows, with standard errors by draws of the estimates.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "application/flow/flow_estimates.hpp"
#include "application/flow/flow_exposure.hpp"
#include "application/flow/flow_job.hpp"
#include "application/flow_filter/flow_bases.hpp"
#include "application/flow_filter/flow_determinant.hpp"
#include "application/flow_filter/flow_solver.hpp"
#include "kronwerk/models/flow/estimate_draws.hpp"
#include "kronwerk/models/flow_effects/effects.hpp"

namespace kronwerk::application {
namespace {

using models::FlowEffects;

struct Kind {
  const char* name;
  std::vector<double> FlowEffects::*values;
};
constexpr Kind kinds[] = {{"origin", &FlowEffects::origin},
                          {"destination", &FlowEffects::destination},
                          {"intra", &FlowEffects::intra},
                          {"network", &FlowEffects::network},
                          {"total", &FlowEffects::total}};

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// Means and variances as the draws come (Welford 1962): of every region, and of their mean.
class Spread {
 public:
  void add(const std::vector<double>& values) {
    ++count_;
    means_.resize(values.size() + 1);
    squares_.resize(values.size() + 1);
    for (std::size_t i = 0; i < means_.size(); ++i) {
      const double value = i < values.size() ? values[i] : mean_of(values);
      const double change = value - means_[i];
      means_[i] += change / count_;
      squares_[i] += change * (value - means_[i]);
    }
  }
  /// The last is that of the mean.
  std::vector<double> deviations() const {
    std::vector<double> result;
    for (const double square : squares_) result.push_back(std::sqrt(square / (count_ - 1)));
    return result;
  }

 private:
  double count_ = 0;
  std::vector<double> means_, squares_;
};

class FlowEffectsTask {
 public:
  explicit FlowEffectsTask(FlowContext& context)
      : context_(context),
        on_mean_(context.request().on == configuration::EffectsOn::mean),
        exposure_(context, VectorReader::Missing::refused),
        estimates_(read_estimates(context)),
        effects_solver_(
            {&context.comm, &context.model.filter(), &context.model.matrices(),
             &context.model.attribute_uses(), context.acts_on(),
             bases_are_costly(context.model.data(), context.model.filter())},
            [this](std::span<const double> parameters) { return solve_at(parameters); },
            [&context] { return find_filter_bases(context.model.data(), context.model.filter()); }),
        spreads_(std::size(kinds)) {
    exposure_.expect_one_year();
    refuse_draws_with_effects();
  }

  std::string run() {
    Stages& stages = context_.stages;
    stages.run("effects", [&] { effects_ = find(estimates_.parameters, estimates_.coefficients); });
    grid_solves_ = effects_solver_.grid_solves();
    method_ = effects_solver_.method();
    stages.report("effects", fmt::format("{} regions, {}", effects_.total.size(), method_));
    if (context_.request().draws > 1) draw();
    write();
    return "";
  }

 private:
  void refuse_draws_with_effects() const {
    const auto& places = context_.request().fixed_effects;
    const auto& place = places[0] ? places[0] : places[1];
    if (!on_mean_ || !place || context_.request().draws < 2) return;
    throw core::ConfigurationError(fmt::format(
        "{}: standard errors of effects on the mean are not known beside fixed effects, of which "
        "the fit has no covariance; leave 'draws' out, or have effects on the linear predictor",
        context_.job.where(*place)));
  }

  models::FlowSolve solve_at(std::span<const double> parameters) {
    if (!solve_ || !std::ranges::equal(parameters, solved_)) {
      solved_.assign(parameters.begin(), parameters.end());
      solve_ = make_flow_solve(context_.comm, context_.model, parameters, &solver_);
    }
    return solve_;
  }

  FlowEffects find(std::span<const double> parameters, std::span<const double> coefficients) {
    if (!on_mean_) return effects_solver_.find(parameters, coefficients);
    const std::vector<double> trend = trend_of(context_, coefficients, estimates_.effects);
    std::vector<double> means;
    communication::collectively(context_.comm, [&] { means.resize(trend.size()); });
    solve_at(parameters)(trend, means, false);
    take_means(context_, exposure_, 0, means);
    const models::CellWeights weights(context_.comm, *context_.model.workspace(),
                                      context_.model.extents(), std::move(means));
    return effects_solver_.find(parameters, coefficients, weights);
  }

  /// The least of what must be positive where the filter is certainly regular.
  double distance_from_border(std::span<const double> parameters) const {
    double least = std::numeric_limits<double>::infinity();
    const auto c = context_.model.filter().coefficients(parameters).value;
    for (const auto& row : region_.rows) {
      least = std::min(least, std::inner_product(row.begin(), row.end(), c.begin(), 0.0));
    }
    return least;
  }

  void draw() {
    Stages& stages = context_.stages;
    const Index draws = context_.request().draws;
    stages.run("draws", [&] {
      region_ = find_flow_region(context_.comm, context_.model.data(), context_.model.filter());
      const bool inside = distance_from_border(estimates_.parameters) > 0;
      const models::EstimateDraws sampler(read_estimate_covariance(context_));
      for (Index draw = 0; draw < draws; ++draw) {
        stages.progress().set("draw", draw, draws);
        std::vector<double> x = estimates_.parameters;
        x.insert(x.end(), estimates_.coefficients.begin(), estimates_.coefficients.end());
        sampler.add(context_.request().seed, draw, x);
        const auto parameters = std::span(x).first(estimates_.parameters.size());
        if (inside && distance_from_border(parameters) <= 0) {
          ++left_out_;
          continue;
        }
        FlowEffects drawn;
        try {
          drawn = find(parameters, std::span(x).subspan(parameters.size()));
        } catch (const core::DataError&) {  // a singular filter, or a mean that overflows
          ++left_out_;
          continue;
        }
        for (std::size_t k = 0; k < spreads_.size(); ++k) spreads_[k].add(drawn.*kinds[k].values);
      }
    });
    stages.report("draws", fmt::format("{} draws of the estimates", draws));
    if (left_out_ == 0) return;
    stages.warn(fmt::format("{} of {} draws are outside of the feasible region{} and left out",
                            left_out_, draws, on_mean_ ? ", or their means overflow," : ""));
  }

  void write() {
    for (std::size_t k = 0; k < std::size(kinds); ++k) {
      const std::string name = kinds[k].name;
      const std::vector<double>& values = effects_.*kinds[k].values;
      context_.file.write_vector("/effects/" + name, values);
      context_.file.write_scalar("/mean_effect/" + name, mean_of(values));
      std::string error;
      if (context_.request().draws - left_out_ > 1) {
        const auto deviations = spreads_[k].deviations();
        context_.file.write_vector("/standard_error/" + name,
                                   std::span(deviations).first(values.size()));
        context_.file.write_scalar("/mean_standard_error/" + name, deviations.back());
        error = fmt::format(" ± {:.3g}", deviations.back());
      }
      context_.report.line(fmt::format("{}{:<12}{:.9g}{}", k == 0 ? "mean effect " : "            ",
                                       name, mean_of(values), error));
    }
    context_.report.set("method", solver_ && grid_solves_ > 0
                                      ? fmt::format("{}: {}", method_, solver_->description())
                                      : method_);
    context_.report.set("grid_solves", grid_solves_);
    context_.report.set("draws_left_out", left_out_);
    context_.report.set("converged", Index{1});
  }

  FlowContext& context_;
  bool on_mean_;
  FlowExposure exposure_;
  GivenEstimates estimates_;
  models::FlowSolve solve_;
  std::vector<double> solved_;  ///< the parameters of solve_
  std::shared_ptr<FlowSolver> solver_;
  models::EffectsSolver effects_solver_;
  FlowEffects effects_;
  std::string method_;
  Index grid_solves_ = 0;
  models::FeasibleRegion region_;
  std::vector<Spread> spreads_;
  Index left_out_ = 0;
};

}  // namespace

std::string run_flow_effects(FlowContext& context) {
  if (context.request().draws == 1) {
    throw core::ConfigurationError(
        fmt::format("{}: standard errors need at least two 'draws'", context.job.file));
  }
  return FlowEffectsTask(context).run();
}

}  // namespace kronwerk::application
