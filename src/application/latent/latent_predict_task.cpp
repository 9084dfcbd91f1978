// The latent field and the counts at new points, given counts.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "application/gaussian/field_at_new_points.hpp"
#include "application/latent/latent_likelihood.hpp"
#include "application/latent/latent_tasks.hpp"
#include "application/restart/kept_blocks.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/factors/base/make.hpp"
#include "kronwerk/models/density/mean_uncertainty.hpp"
#include "kronwerk/models/laplace/cell_draws.hpp"
#include "kronwerk/models/laplace/cell_prediction.hpp"
#include "kronwerk/operators/base/random.hpp"

namespace kronwerk::application {
namespace {

using Vector = std::vector<double>;
using Weights = models::LaplaceApproximation::Weights;

// Draws that correct variances, and the normal numbers of all, are of streams of their own.
constexpr std::uint64_t variance_seed = 0x76617269616e6365;
constexpr std::uint64_t normal_stream = 0x6c6174656e74;

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
  LatentPredictor(GaussianContext& context, LatentLikelihood& likelihood)
      : context_(context),
        likelihood_(likelihood),
        field_(context, likelihood.slices(), with_unit_noise(context, likelihood),
               likelihood.mean(context.parameters)),
        layout_(field_.prediction.layout()),
        cells_(cell_likelihood(*context.request().likelihood, context.parameters)) {}

  const core::Extents& extents() const noexcept { return field_.extents(); }

  /// Collective.
  void predict() {
    auto& approximation = likelihood_.approximation();
    estimate_ = approximation.mean();
    mean_ = block();
    field_.prediction.cross()->apply(approximation.score(), mean_);
    models::add_mean(extents(), field_.columns_at_new, estimate_.coefficients, begin(), mean_);
    columns_ = approximation.residual_columns(field_.cross_terms, field_.columns_at_new, layout_);
    write("/mean", mean_);
    if (!context_.request().variance) return;
    variance_ = block();
    field_.prediction.prior_variance(variance_);
    approximation.explain(field_.cross_terms, layout_, variance_);
    if (!approximation.exact()) correct_variance();
    add_variance_of_mean();
    for (double& value : variance_) value = std::max(value, 0.0);
    write("/variance", variance_);
  }

  /// Mean, variance and quantiles of counts. Local but for the writing.
  void predict_counts() {
    if (!context_.request().variance) return;
    const auto& quantiles = context_.request().likelihood->quantiles;
    const Vector sizes = likelihood_.sizes().of_grid(layout_);
    Vector mean(mean_.size()), variance(mean_.size());
    std::vector<Vector> levels(quantiles.size(), Vector(mean_.size()));
    for (std::size_t i = 0; i < mean.size(); ++i) {
      const double size = std::isfinite(sizes[i]) && sizes[i] > 0 ? sizes[i] : 1;
      const auto moments = models::predicted_moments(cells_, size, mean_[i], variance_[i]);
      mean[i] = moments.mean;
      variance[i] = moments.variance;
      for (std::size_t q = 0; q < quantiles.size(); ++q) {
        levels[q][i] =
            models::predicted_quantile(cells_, size, mean_[i], variance_[i], quantiles[q]);
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
    const Vector sizes = likelihood_.sizes().of_grid(layout_);
    for (Index number = kept.resume(); number < draws; ++number) {
      const std::uint64_t seed = context_.request().seed;
      Vector values = deviation(seed, number, false).own;
      for (std::size_t i = 0; i < values.size(); ++i) values[i] += mean_[i];
      const Vector beta =
          models::draw_coefficients(estimate_.covariance, columns_.size(), seed, number);
      for (std::size_t j = 0; j < columns_.size(); ++j) {
        for (std::size_t i = 0; i < values.size(); ++i) values[i] += beta[j] * columns_[j][i];
      }
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
    statistics.add(mean_);
    context_.report.line("result      field: " + statistics.text(context_.comm));
    if (!context_.request().variance) return;
    context_.report.line("            mean of observations: " + counts_.text(context_.comm));
    if (variance_error_ > 0) {
      context_.report.set("variance_standard_error", variance_error_);
      context_.report.line(fmt::format(
          "            the variance is estimated where weights differ from the nearest product, "
          "standard error {:.1g}",
          variance_error_));
    }
  }

 private:
  struct Deviations {
    Vector own;
    Vector nearest;
  };
  Index begin() const { return layout_.home_begin(context_.comm.rank()); }
  Vector block() const {
    return Vector(static_cast<std::size_t>(layout_.home_size(context_.comm.rank())), 0.0);
  }
  void write(const std::string& path, std::span<const double> values) {
    context_.file.create_dataset(path, extents());
    context_.file.write_range(path, begin(), values);
  }

  /// A draw of the field about its mode by Matheron's rule, and the same with the nearest weights.
  Deviations deviation(std::uint64_t seed, Index number, bool nearest) {
    if (!sampler_) sampler_.emplace(field_.prediction);
    const auto data = field_.covariance.layout();
    Vector u(static_cast<std::size_t>(data.home_size(context_.comm.rank())));
    Vector z(u.size()), weights(u.size());
    Deviations result{block(), {}};
    sampler_->prior(seed, number, 1, u, result.own, false);
    operators::fill_random(operators::RandomKind::normal, seed,
                           normal_stream + static_cast<std::uint64_t>(number),
                           data.home_begin(context_.comm.rank()), z);
    if (nearest) result.nearest = result.own;
    const auto cross = field_.prediction.cross();
    const auto condition = [&](Weights kind, Vector& values) {
      likelihood_.approximation().condition(u, z, kind, weights);
      for (double& weight : weights) weight = -weight;
      cross->apply(weights, values, true);
    };
    condition(Weights::own, result.own);
    if (nearest) condition(Weights::nearest, result.nearest);
    return result;
  }

  /// The nearest product's variances are exact: draws with the same random numbers say how those of
  /// the own weights differ.
  void correct_variance() {
    const Index draws = context_.job.solver.probes;
    Vector sum = block(), squares = block();
    for (Index number = 0; number < draws; ++number) {
      const auto drawn = deviation(context_.job.solver.seed ^ variance_seed, number, true);
      for (std::size_t i = 0; i < sum.size(); ++i) {
        const double difference = drawn.own[i] * drawn.own[i] - drawn.nearest[i] * drawn.nearest[i];
        sum[i] += difference;
        squares[i] += difference * difference;
      }
    }
    const auto n = static_cast<double>(draws);
    double error = 0;
    for (std::size_t i = 0; i < sum.size(); ++i) {
      const double mean = sum[i] / n;
      variance_[i] += mean;
      error += std::max(0.0, squares[i] / n - mean * mean) / std::max(n - 1, 1.0);
    }
    variance_error_ = std::sqrt(context_.comm.sum(error) / static_cast<double>(field_.size()));
  }

  void add_variance_of_mean() {
    const std::size_t p = columns_.size();
    for (std::size_t i = 0; i < variance_.size(); ++i) {
      for (std::size_t j = 0; j < p; ++j) {
        for (std::size_t k = 0; k < p; ++k) {
          variance_[i] += columns_[j][i] * estimate_.covariance[j * p + k] * columns_[k][i];
        }
      }
    }
  }

  GaussianContext& context_;
  LatentLikelihood& likelihood_;
  FieldAtNewPoints field_;
  distribution::Layout layout_;
  models::CellLikelihood cells_;
  models::MeanEstimate estimate_;
  std::vector<Vector> columns_;  ///< Q
  Vector mean_;
  Vector variance_;
  double variance_error_ = 0;
  Statistics counts_;
  std::optional<models::PosteriorSampler> sampler_;
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
