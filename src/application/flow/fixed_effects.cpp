#include "application/flow/fixed_effects.hpp"

#include <fmt/format.h>

#include "kronwerk/io/hdf5/read.hpp"

namespace kronwerk::application {
namespace {

constexpr std::array<const char*, 2> names{"origin", "destination"};

std::string path_of(std::size_t mode) {
  return std::string("/fixed_effects/") + names[mode];
}

}  // namespace

void check_fixed_effects(const Problem& problem, const models::FlowFilter& filter,
                         const models::FlowMatrices& matrices) {
  const configuration::Job& job = problem.job;
  const auto& flow = *job.flow;
  // The effects of A y stay what they are; those of y, or of η, have to go through A.
  const bool through_filter = flow.family != configuration::FlowFamily::gaussian ||
                              flow.acts_on == configuration::FilterActsOn::errors;
  if (job.task != configuration::Task::fit || !through_filter) return;
  for (const std::size_t mode : {0U, 1U}) {
    if (!flow.fixed_effects[mode]) continue;
    const std::size_t other = 1 - mode;
    const auto unequal = models::find_unequal_rows(matrices[other]);
    if (!unequal) continue;
    throw core::ConfigurationError(fmt::format(
        "{}: the fixed effects '{}' are absorbed exactly where the rows of every matrix of the {}s "
        "in the filter have the same sum; those of '{}' have the sums {:.6g} (row 0) and {:.6g} "
        "(row {}). Normalise its rows, and give neighbours to regions that have none, or leave the "
        "lag of the {}s out of the filter",
        job.where(*flow.fixed_effects[mode]), names[mode], names[other],
        filter.matrices(other)[unequal->matrix]->text, unequal->first_sum, unequal->sum,
        unequal->row, names[other]));
  }
}

void refuse_effects_of_missing(const FlowContext& context) {
  if (!context.model.fixed_effects().any()) return;
  const auto& places = context.request().fixed_effects;
  throw core::ConfigurationError(fmt::format(
      "{}: the fixed effects of a Gaussian flow model are absorbed where all flows were "
      "observed; here some are missing. Leave the effects out, give regional attributes as "
      "columns in their place, or complete the flows",
      context.job.where(places[0] ? *places[0] : *places[1])));
}

void write_fixed_effects(FlowContext& context, const models::EffectValues& effects) {
  const Index count = context.model.fixed_effects().count(context.model.extents());
  if (count == 0) return;
  std::string text;
  for (const std::size_t mode : {0U, 1U}) {
    if (effects[mode].empty()) continue;
    context.file.write_vector(path_of(mode), effects[mode]);
    text += fmt::format("{}{} {}s", text.empty() ? "" : " and ", effects[mode].size(), names[mode]);
  }
  context.report.set("absorbed_effects", count);
  context.report.line("            fixed effects of " + text);
}

models::EffectValues read_fixed_effects(const FlowContext& context) {
  const auto& places = context.request().fixed_effects;
  const auto& file = context.job.parameter_file;
  const auto location = [&](std::size_t mode) {
    return io::Location{file->value, path_of(mode), context.job.external_data};
  };
  models::EffectValues effects;
  for (const std::size_t mode : {0U, 1U}) {
    const bool known = file && io::holds(context.comm, location(mode));
    if (known != places[mode].has_value()) {
      throw core::ConfigurationError(
          known ? fmt::format("{}: the fit in {} has the fixed effects '{}'; give them in "
                              "'mean.columns' as there",
                              context.job.where(context.job.formula.position), file->value,
                              names[mode])
                : fmt::format("{}: the fixed effects '{}' come from the result of a fit that has "
                              "them, by 'parameters: {{file: …}}'{}",
                              context.job.where(*places[mode]), names[mode],
                              file ? "; " + file->value + " has none" : ""));
    }
    if (!known) continue;
    effects[mode] = io::read_vector(context.comm, location(mode));
    if (std::ssize(effects[mode]) == context.model.extents()[mode]) continue;
    throw core::DataError(fmt::format("{}:{} has {} numbers; expected {}", file->value,
                                      path_of(mode), effects[mode].size(),
                                      context.model.extents()[mode]));
  }
  return effects;
}

}  // namespace kronwerk::application
