// Draws from a Gaussian model.
#include <fmt/format.h>

#include <algorithm>

#include "application/gaussian/gaussian_job.hpp"
#include "application/restart/kept_blocks.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/models/draws/sampler.hpp"

namespace kronwerk::application {

Index draws_per_block(int ranks, Index points, Index draws) {
  constexpr double block_bytes = 256e6;
  const double fitting = block_bytes * static_cast<double>(ranks) /
                         (8 * static_cast<double>(std::max<Index>(points, 1)));
  // A draw per rank at least, where that fits: then none is exchanged.
  const auto most = static_cast<Index>(std::clamp(fitting, 1.0, 1e9));
  const Index whole = most >= ranks ? most / ranks * ranks : most;
  return std::clamp<Index>(whole, 1, std::max<Index>(draws, 1));
}

void run_sample(GaussianContext& context) {
  Stages& stages = context.stages;
  const Index draws = context.request().draws;
  const Extents& grid = context.model.extents();
  const Index points = core::product(grid);
  std::optional<models::Sampler> sampler;
  stages.run("factorise", [&] {
    sampler.emplace(context.comm, context.workspace, context.model.terms(context.parameters),
                    context.model.mean(context.parameters));
  });
  stages.report("factorise", "square roots of the covariance factors");
  Extents shape = grid;
  if (draws > 1) shape.insert(shape.begin(), draws);
  context.file.create_dataset("/result", shape);
  const Index batch = draws_per_block(context.comm.size(), points, draws);
  Statistics statistics;
  KeptBlocks kept(context, "draws", draws, {{"/result", points}}, {&statistics});
  std::vector<double> values;
  for (Index first = kept.resume(); first < draws; first += batch) {
    const Index count = std::min(batch, draws - first);
    const auto layout = sampler->layout(count);
    values.resize(static_cast<std::size_t>(layout.home_size(context.comm.rank())));
    stages.progress().set("draw", first, draws);
    stages.run("sample", [&] { sampler->draw(context.request().seed, first, count, values); });
    stages.run("write", [&] {
      context.file.write_range("/result", first * points + layout.home_begin(context.comm.rank()),
                               values);
    });
    statistics.add(values);
    kept.finish(first + count);
  }
  stages.report("sample",
                fmt::format("{} draws in blocks of {}", core::format_count(draws), batch));
  context.report.line("result      " + statistics.text(context.comm));
  context.report.set("method", std::string("square roots of the factors, applied mode by mode"));
  context.report.set("converged", Index{1});
}

}  // namespace kronwerk::application
