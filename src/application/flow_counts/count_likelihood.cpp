#include "application/flow_counts/count_likelihood.hpp"

#include <fmt/format.h>

#include "application/fit/fit_parameters.hpp"
#include "application/flow_filter/flow_determinant.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::application {

CountLikelihood::CountLikelihood(FlowContext& context)
    : context_(context),
      observations_(context.comm, context.job, context.model.extents()),
      binomial_(context.request().family == configuration::FlowFamily::negative_binomial) {}

void CountLikelihood::read(const std::function<void(const models::FlowCounts&)>& look) {
  Stages& stages = context_.stages;
  const auto& filter = context_.model.filter();
  models::FlowCounts counts;
  stages.run("read", [&] { counts = observations_.read(); });
  if (look) look(counts);
  const std::size_t years = counts.years.size();
  stages.run("region", [&] {
    constraints_.emplace(filter, find_flow_region(context_.comm, context_.model.data(), filter),
                         parameters_to_fit(context_.job));
    flow_.emplace(
        context_.comm, context_.model.workspace(), filter, context_.model.matrices(),
        context_.model.columns(), std::move(counts),
        binomial_ ? models::CountFamily::negative_binomial : models::CountFamily::poisson,
        [this](std::span<const double> x) {
          return make_flow_solve(context_.comm, context_.model, x, &solver_);
        },
        context_.model.fixed_effects());
  });
  stages.report("read",
                fmt::format("{} {} of {} flows, {} observed", years, years == 1 ? "grid" : "grids",
                            core::to_text(context_.model.extents()), flow_->cells()));
}

std::string CountLikelihood::solved_by() const {
  if (flow_->separable()) return "the filter is solved mode by mode";
  return solver_ ? solver_->description() : "";
}

}  // namespace kronwerk::application
