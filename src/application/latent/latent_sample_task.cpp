// Draws of counts on grids: of the latent field, and of the counts given it.
#include <fmt/format.h>

#include "application/latent/latent_likelihood.hpp"
#include "application/latent/latent_tasks.hpp"
#include "application/restart/kept_blocks.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/models/draws/sampler.hpp"
#include "kronwerk/models/laplace/cell_draws.hpp"

namespace kronwerk::application {

void run_latent_sample(GaussianContext& context) {
  const Index draws = context.request().draws;
  const Extents& grid = context.model.extents();
  const Index points = core::product(grid);
  const auto likelihood = cell_likelihood(*context.request().likelihood, context.parameters);
  const CellSizes sizes(context);
  std::optional<models::Sampler> sampler;
  context.stages.run("factorise", [&] {
    sampler.emplace(context.comm, context.workspace, latent_terms(context, context.parameters),
                    context.model.mean(context.parameters));
  });
  context.stages.report("factorise", "square roots of the covariance factors");
  Extents shape = grid;
  if (draws > 1) shape.insert(shape.begin(), draws);
  context.file.create_dataset("/result", shape);
  context.file.create_dataset("/field", shape);
  const auto layout = sampler->layout(1);
  const Index begin = layout.home_begin(context.comm.rank());
  const auto exposures = sizes.of_grid(layout);
  sizes.check(exposures, {});
  Statistics statistics;
  KeptBlocks kept(context, "draws", draws, {{"/result", points}, {"/field", points}},
                  {&statistics});
  std::vector<double> field(exposures.size()), counts(exposures.size());
  for (Index draw = kept.resume(); draw < draws; ++draw) {
    context.stages.progress().set("draw", draw, draws);
    context.stages.run("sample", [&] {
      sampler->draw(context.request().seed, draw, 1, field);
      models::draw_cells(context.comm, likelihood, context.request().seed, draw * points + begin,
                         exposures, field, counts);
    });
    context.stages.run("write", [&] {
      context.file.write_range("/result", draw * points + begin, counts);
      context.file.write_range("/field", draw * points + begin, field);
    });
    statistics.add(counts);
    kept.finish(draw + 1);
  }
  context.stages.report("sample", fmt::format("{} draws", core::format_count(draws)));
  context.report.line("result      " + statistics.text(context.comm));
  context.report.set("method", "square roots of the factors, then " +
                                   models::to_text(likelihood.family) + " cells");
  context.report.set("converged", Index{1});
}

}  // namespace kronwerk::application
