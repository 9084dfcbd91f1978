// Effects of a regional attribute on flows, with standard errors by draws of the estimates.
#include <fmt/format.h>

#include <cmath>
#include <numeric>

#include "application/flow/flow_estimates.hpp"
#include "application/flow/flow_job.hpp"
#include "application/flow/flow_solver.hpp"
#include "kronwerk/models/flow/effects.hpp"
#include "kronwerk/models/flow/estimate_draws.hpp"

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

}  // namespace

std::string run_flow_effects(FlowContext& context) {
  Stages& stages = context.stages;
  const Index draws = context.request().draws;
  if (draws == 1) {
    throw core::ConfigurationError(
        fmt::format("{}: standard errors need at least two 'draws'", context.job.file));
  }
  const GivenEstimates estimates = read_estimates(context);
  std::shared_ptr<FlowSolver> solver;
  models::EffectsSolver effects_solver(
      context.comm, context.model.filter(), context.model.matrices(),
      context.model.attribute_uses(), [&](std::span<const double> parameters) {
        return make_flow_solve(context.comm, context.model, parameters, &solver);
      });
  FlowEffects effects;
  stages.run("effects",
             [&] { effects = effects_solver.find(estimates.parameters, estimates.coefficients); });
  const Index grid_solves = effects_solver.grid_solves();
  stages.report("effects", fmt::format("{} regions, {}", effects.total.size(),
                                       grid_solves == 0
                                           ? std::string("by solves with single modes")
                                           : fmt::format("{} solves over the grid", grid_solves)));
  std::vector<Spread> spreads(std::size(kinds));
  Index outside = 0;
  if (draws > 1) {
    stages.run("draws", [&] {
      const models::EstimateDraws sampler(read_estimate_covariance(context));
      for (Index draw = 0; draw < draws; ++draw) {
        stages.progress().set("draw", draw, draws);
        std::vector<double> x = estimates.parameters;
        x.insert(x.end(), estimates.coefficients.begin(), estimates.coefficients.end());
        sampler.add(context.request().seed, draw, x);
        const std::size_t p = estimates.parameters.size();
        FlowEffects drawn;
        try {
          drawn = effects_solver.find(std::span(x).first(p), std::span(x).subspan(p));
        } catch (const core::SingularError&) {  // beyond the border of the feasible region
          ++outside;
          continue;
        }
        for (std::size_t k = 0; k < spreads.size(); ++k) spreads[k].add(drawn.*kinds[k].values);
      }
    });
    stages.report("draws", fmt::format("{} draws of the estimates", draws));
    if (outside > 0) {
      stages.warn(fmt::format("{} of {} draws are outside of the feasible region and left out",
                              outside, draws));
    }
  }
  for (std::size_t k = 0; k < std::size(kinds); ++k) {
    const std::string name = kinds[k].name;
    const std::vector<double>& values = effects.*kinds[k].values;
    context.file.write_vector("/effects/" + name, values);
    context.file.write_scalar("/mean_effect/" + name, mean_of(values));
    std::string error;
    if (draws - outside > 1) {
      const auto deviations = spreads[k].deviations();
      context.file.write_vector("/standard_error/" + name,
                                std::span(deviations).first(values.size()));
      context.file.write_scalar("/mean_standard_error/" + name, deviations.back());
      error = fmt::format(" ± {:.3g}", deviations.back());
    }
    context.report.line(fmt::format("{}{:<12}{:.9g}{}", k == 0 ? "mean effect " : "            ",
                                    name, mean_of(values), error));
  }
  context.report.set("method",
                     solver ? solver->description() : std::string("solves with single modes"));
  context.report.set("grid_solves", grid_solves);
  context.report.set("converged", Index{1});
  return "";
}

}  // namespace kronwerk::application
