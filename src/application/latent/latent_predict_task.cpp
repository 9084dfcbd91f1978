// The latent field and the counts at new points, given counts.
#include <fmt/format.h>

#include <cmath>

#include "application/gaussian/field_at_new_points.hpp"
#include "application/latent/latent_likelihood.hpp"
#include "application/latent/latent_tasks.hpp"
#include "application/restart/kept_blocks.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/models/laplace/cell_draws.hpp"
#include "kronwerk/models/laplace/cell_prediction.hpp"
#include "kronwerk/models/laplace/latent_prediction.hpp"

namespace kronwerk::application {
namespace {

using Vector = std::vector<double>;

/// K + I on the observed grid: the coordinates of predictions need one that is regular.
models::Covariance with_unit_noise(GaussianContext& context, LatentLikelihood& likelihood) {
  models::CovarianceTerms terms{likelihood.signal(context.parameters), {}};
  operators::ScaledProduct noise;
  for (const Index extent : terms.extents()) {
    noise.chains.push_back({factors::Link{factors::make_identity(extent)}});
  }
  terms.noise = std::move(noise);
  return {context.comm, context.workspace, std::move(terms), context.model.cache()};
}

class LatentPredictor {
 public:
  /// At the likelihood's mode. Collective.
  LatentPredictor(GaussianContext& context, LatentLikelihood& likelihood)
      : context_(context),
        likelihood_(likelihood),
        field_(context, likelihood.slices(), with_unit_noise(context, likelihood),
               likelihood.mean(context.parameters)),
        prediction_(context.comm, likelihood.approximation(), field_.prediction, field_.cross_terms,
                    field_.columns_at_new),
        cells_(cell_likelihood(*context.request().likelihood, context.parameters)) {}

  const core::Extents& extents() const noexcept { return field_.extents(); }

  /// Collective.
  void predict() {
    write("/mean", mean());
    if (!context_.request().variance) return;
    const auto& solver = context_.job.solver;
    variance_ = prediction_.variance(solver.seed, solver.probes);
    write("/variance", variance_.values);
  }

  /// Mean, variance and quantiles of counts. Local but for the writing.
  void predict_counts() {
    if (!context_.request().variance) return;
    const auto& quantiles = context_.request().likelihood->quantiles;
    const Vector sizes = likelihood_.sizes().of_grid(prediction_.layout());
    const Vector &field = this->mean(), &spread = variance_.values;
    Vector mean(field.size()), variance(field.size());
    std::vector<Vector> levels(quantiles.size(), Vector(field.size()));
    for (std::size_t i = 0; i < mean.size(); ++i) {
      const double size = std::isfinite(sizes[i]) && sizes[i] > 0 ? sizes[i] : 1;
      const auto moments = models::predicted_moments(cells_, size, field[i], spread[i]);
      mean[i] = moments.mean;
      variance[i] = moments.variance;
      for (std::size_t q = 0; q < quantiles.size(); ++q) {
        levels[q][i] = models::predicted_quantile(cells_, size, field[i], spread[i], quantiles[q]);
      }
    }
    write("/observations/mean", mean);
    write("/observations/variance", variance);
    counts_.add(mean);
    if (quantiles.empty()) return;
    context_.file.write_vector("/observations/levels", quantiles);
    core::Extents shape = extents();
    shape.insert(shape.begin(), std::ssize(quantiles));
    context_.file.create_dataset("/observations/quantiles", shape);
    for (std::size_t q = 0; q < quantiles.size(); ++q) {
      context_.file.write_range("/observations/quantiles",
                                static_cast<Index>(q) * field_.size() + begin(), levels[q]);
    }
  }

  /// Joint draws of the field, or of counts.
  void draw() {
    const Index draws = context_.request().draws;
    core::Extents shape = extents();
    shape.insert(shape.begin(), draws);
    context_.file.create_dataset("/draws", shape);
    KeptBlocks kept(context_, "draws", draws, {{"/draws", field_.size()}}, {});
    const Vector sizes = likelihood_.sizes().of_grid(prediction_.layout());
    for (Index number = kept.resume(); number < draws; ++number) {
      const std::uint64_t seed = context_.request().seed;
      Vector values = prediction_.draw(seed, number);
      const Index first = number * field_.size() + begin();
      if (context_.request().noise) {
        const Vector field = values;
        models::draw_cells(context_.comm, cells_, seed, first, sizes, field, values);
      }
      context_.file.write_range("/draws", first, values);
      kept.finish(number + 1);
    }
  }

  void report() {
    Statistics statistics;
    statistics.add(mean());
    context_.report.line("result      field: " + statistics.text(context_.comm));
    if (!context_.request().variance) return;
    context_.report.line("            mean of observations: " + counts_.text(context_.comm));
    if (variance_.standard_error > 0) {
      context_.report.set("variance_standard_error", variance_.standard_error);
      context_.report.line(fmt::format(
          "            the variance is estimated where weights differ from the nearest product, "
          "standard error {:.1g}",
          variance_.standard_error));
    }
  }

 private:
  const Vector& mean() const noexcept { return prediction_.mean(); }
  Index begin() const { return prediction_.layout().home_begin(context_.comm.rank()); }
  void write(const std::string& path, std::span<const double> values) {
    context_.file.create_dataset(path, extents());
    context_.file.write_range(path, begin(), values);
  }

  GaussianContext& context_;
  LatentLikelihood& likelihood_;
  FieldAtNewPoints field_;
  models::LatentPrediction prediction_;
  models::CellLikelihood cells_;
  models::LatentPrediction::Variance variance_;
  Statistics counts_;
};

}  // namespace

std::string run_latent_predict(GaussianContext& context) {
  Stages& stages = context.stages;
  LatentLikelihood likelihood(context);
  models::LaplaceProgress progress;
  stages.run("solve", [&] { progress = likelihood.find_mode(context.parameters); });
  const std::string method = method_of(progress, likelihood.approximation().exact());
  stages.report("solve", method);
  std::optional<LatentPredictor> predictor;
  stages.run("cross", [&] { predictor.emplace(context, likelihood); });
  stages.report("cross", "covariances of new and observed points");
  if (predictor->extents() != context.model.extents() && likelihood.sizes().vary()) {
    stages.warn(
        "at new points exposures or trials are not known: observations there are predicted "
        "for 1");
  }
  stages.run("predict", [&] { predictor->predict(); });
  stages.report("predict", fmt::format("{} new points ({})",
                                       core::format_count(core::product(predictor->extents())),
                                       core::to_text(predictor->extents())));
  stages.run("observations", [&] { predictor->predict_counts(); });
  if (context.request().draws > 0) {
    stages.run("draw", [&] { predictor->draw(); });
    stages.report("draw", fmt::format("{} joint draws", context.request().draws));
  }
  predictor->report();
  context.report.set("method", method);
  return write_progress(context, progress);
}

}  // namespace kronwerk::application
