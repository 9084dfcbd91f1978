// The posterior of a Gaussian model at new points: mean, variance, covariance and joint draws.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "application/gaussian/density_output.hpp"
#include "application/gaussian/posterior_draws.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/models/draws/original_scale.hpp"

namespace kronwerk::application {
namespace {

/// Adds the dense matrix of a factor to the file. Collective.
void write_factor(GaussianContext& context, const std::string& path,
                  const factors::Factor& factor) {
  std::vector<double> values;
  if (context.comm.is_root()) {
    values.resize(static_cast<std::size_t>(factor.rows() * factor.cols()), 0.0);
    factor.add_to_dense(1, values);
  }
  context.file.create_dataset(path, Extents{factor.rows(), factor.cols()});
  context.file.write_range(path, 0, values);
}

void write_covariance(GaussianContext& context, const models::FactoredCovariance& covariance) {
  Index term_number = 0;
  for (const auto& term : covariance.terms) {
    const std::string path = fmt::format("/covariance/term/{}", ++term_number);
    context.file.write_scalar(path + "/scale", term.scale);
    for (std::size_t k = 0; k < term.prior.size(); ++k) {
      write_factor(context, fmt::format("{}/prior/{}", path, k + 1), *term.prior[k]);
      write_factor(context, fmt::format("{}/projected/{}", path, k + 1), *term.projected[k]);
    }
  }
  term_number = 0;
  for (const auto& term : covariance.spectrum) {
    const std::string path = fmt::format("/covariance/spectrum/{}", ++term_number);
    context.file.write_scalar(path + "/coefficient", term.coefficient);
    for (std::size_t k = 0; k < term.eigenvalues.size(); ++k) {
      if (term.eigenvalues[k].empty()) continue;
      context.file.write_vector(fmt::format("{}/eigenvalues/{}", path, k + 1), term.eigenvalues[k]);
    }
  }
}

models::OriginalScale scale_of(configuration::Transform transform) {
  using configuration::Transform;
  switch (transform) {
    case Transform::log:
      return models::OriginalScale::log;
    case Transform::log1p:
      return models::OriginalScale::log1p;
    case Transform::sqrt:
      return models::OriginalScale::sqrt;
    case Transform::square:
      return models::OriginalScale::square;
    case Transform::exp:
      return models::OriginalScale::exp;
    case Transform::none:
      break;
  }
  return models::OriginalScale::same;
}

/// Squares do not say which sign a number had. Collective.
void refuse_negative(const GaussianContext& context, const Likelihood& likelihood) {
  bool negative = false;
  for (std::size_t block = 0; block < likelihood.blocks().size(); ++block) {
    std::vector<double> derivative(likelihood.blocks()[block].size());
    likelihood.observations().read_derivative(
        static_cast<Index>(block) * likelihood.observations_per_block(), likelihood.layout(),
        derivative);
    negative = negative || std::ranges::any_of(derivative, [](double v) { return v < 0; });
  }
  if (!context.comm.any(negative)) return;
  throw core::DataError(fmt::format(
      "{}: some observations are negative, whose squares do not say that they were: predictions on "
      "the scale before the transform 'square' take observations that are not; leave "
      "'observations.quantiles' out",
      context.job.where(context.request().observations->position)));
}

/// One job's predictions, for a block of observations after the other.
class Predictor {
 public:
  Predictor(GaussianContext& context, Likelihood& likelihood)
      : context_(context),
        likelihood_(likelihood),
        field_(context, likelihood),
        draws_(context, field_, likelihood_.observations().shape().count),
        solves_(likelihood.quality()) {}

  const Extents& extents() const noexcept { return field_.extents(); }

  void declare() {
    const auto& request = context_.request();
    const VectorShape& shape = likelihood_.observations().shape();
    context_.file.create_dataset("/mean", dataset_shape(shape, extents()));
    const bool own = missing() && shape.several;
    Extents per_variance = extents();
    if (own) per_variance.insert(per_variance.begin(), shape.count);
    if (request.variance) context_.file.create_dataset("/variance", per_variance);
    declare_original();
    if (request.draws == 0) return;
    Extents draws = extents();
    draws.insert(draws.begin(), request.draws);
    if (shape.several) draws.insert(draws.begin(), shape.count);
    context_.file.create_dataset("/draws", draws);
  }

  /// The coefficients of the mean, from all observations. Collective.
  void estimate_mean() {
    context_.stages.run(
        "solve", [&] { estimate_ = likelihood_.estimate_mean(field_.covariance, field_.columns); });
    if (context_.request().mean.columns.empty()) return;
    // Beside '/mean', which is the prediction.
    context_.stages.run("write", [&] {
      write_mean(context_, estimate_, likelihood_.observations().shape().several, "/regression");
    });
  }

  /// Everything of the observations of one block. Collective.
  void predict(std::size_t block) {
    const Index count = likelihood_.observations_per_block();
    const Index first = static_cast<Index>(block) * count;
    const models::MeanEstimate estimate = estimate_.part(first, count);
    std::vector<double> weights;
    context_.stages.run("solve", [&] {
      weights = solve(block, estimate);
      if (missing() || block == 0) {
        uncertainty_.emplace(field_.covariance, field_.prediction, field_.columns,
                             field_.columns_at_new, missing() ? &*cells_ : nullptr);
      }
    });
    std::vector<double> mean;
    context_.stages.run("predict", [&] {
      const auto layout = field_.prediction.layout(count);
      mean.assign(static_cast<std::size_t>(layout.home_size(rank())), 0.0);
      field_.prediction.add_mean(count, weights, mean);
      models::add_mean(extents(), field_.columns_at_new, estimate.coefficients,
                       layout.home_begin(rank()), mean);
      write("/mean", first * field_.size(), layout, mean);
      mean_statistics_.add(mean);
      if (context_.request().variance && (missing() || block == 0)) write_variance(first, count);
      if (!quantiles().empty()) write_original(first, mean);
    });
    if (context_.request().draws > 0) {
      context_.stages.run("draw", [&] { draws_.write(drawn(block, mean, estimate)); });
    }
  }

  /// The factors of the covariance between new points, which all observations share.
  void write_factored_covariance() {
    write_covariance(context_, field_.prediction.covariance());
    const auto size = static_cast<Index>(uncertainty_->size());
    if (size == 0) return;
    Extents shape = extents();
    shape.insert(shape.begin(), size);
    const std::string path = "/covariance/regression/columns";
    context_.file.create_dataset(path, shape);
    Index offset = 0;
    for (const auto& residual : uncertainty_->residuals()) {
      write(path, offset, field_.prediction.layout(), residual);
      offset += field_.size();
    }
    const auto covariance = estimate_.covariance_of(0);
    context_.file.write_array("/covariance/regression/covariance", Extents{size, size}, covariance);
  }

  std::string method() const {
    return method_.empty() ? field_.covariance.description()
                           : field_.covariance.description() + "; " + method_;
  }
  /// @return why a solve was not accepted; "" if all were
  std::string report() {
    context_.report.line("result      mean: " + mean_statistics_.text(context_.comm));
    if (context_.request().variance) report_variance();
    report_original();
    return write_solves(context_, solves_);
  }

 private:
  void report_variance() {
    context_.report.line("            variance: " + variance_statistics_.text(context_.comm));
    if (variance_error_ > 0) {
      context_.report.set("variance_standard_error", variance_error_);
      context_.report.line(fmt::format(
          "            what missing cells add to it is estimated, standard error {:.1f} %",
          100 * variance_error_));
    }
  }
  /// Collective.
  void report_original() {
    const Index none = context_.comm.sum(without_quantile_);
    if (none == 0) return;
    const auto& observations = *context_.request().observations;
    context_.report.set("quantiles_without_value", none);
    context_.stages.warn(fmt::format(
        "{} of the quantiles on the scale before the transform are NaN: these quantiles of the "
        "Gaussian are {}, what no number is transformed to",
        core::format_count(none),
        observations.transform == configuration::Transform::exp ? "0 or less" : "negative"));
  }
  const std::vector<double>& quantiles() const {
    return context_.request().observations->quantiles;
  }

  void declare_original() {
    if (quantiles().empty()) return;
    Extents shape = dataset_shape(likelihood_.observations().shape(), extents());
    if (has_moments()) {
      context_.file.create_dataset("/observations/mean", shape);
      context_.file.create_dataset("/observations/variance", shape);
    }
    context_.file.write_vector("/observations/levels", quantiles());
    shape.insert(shape.begin(), std::ssize(quantiles()));
    context_.file.create_dataset("/observations/quantiles", shape);
  }

  models::OriginalScale scale() const {
    return scale_of(context_.request().observations->transform);
  }
  bool has_moments() const { return models::is_everywhere_invertible(scale()); }

  /// One observation's predictions on the scale before the transform. Collective.
  void write_original(Index observation, std::span<const double> mean) {
    std::vector<double> means, variances;
    std::vector<std::vector<double>> levels(quantiles().size());
    bool finite = true;
    for (std::size_t i = 0; i < mean.size(); ++i) {
      if (has_moments()) {
        const auto moments = models::original_moments(scale(), mean[i], last_variance_[i]);
        means.push_back(moments.mean);
        variances.push_back(moments.variance);
        finite = finite && std::isfinite(moments.mean) && std::isfinite(moments.variance);
      }
      for (std::size_t q = 0; q < levels.size(); ++q) {
        levels[q].push_back(
            models::original_quantile(scale(), mean[i], last_variance_[i], quantiles()[q]));
        const bool none = !has_moments() && std::isnan(levels[q].back());
        without_quantile_ += none ? 1 : 0;
        finite = finite && (none || std::isfinite(levels[q].back()));
      }
    }
    if (context_.comm.any(!finite)) {
      throw core::DataError(
          "predictions are too large for double precision on the scale before the transform; leave "
          "'observations.quantiles' out");
    }
    const auto layout = field_.prediction.layout();
    if (has_moments()) {
      write("/observations/mean", observation * field_.size(), layout, means);
      write("/observations/variance", observation * field_.size(), layout, variances);
    }
    for (std::size_t q = 0; q < levels.size(); ++q) {
      const Index before = static_cast<Index>(q) * likelihood_.observations().shape().count;
      write("/observations/quantiles", (before + observation) * field_.size(), layout, levels[q]);
    }
  }

  bool missing() const { return likelihood_.observations().missing() > 0; }
  int rank() const { return context_.comm.rank(); }

  void write(const std::string& path, Index offset, const distribution::Layout& layout,
             std::span<const double> values) {
    context_.file.write_range(path, offset + layout.home_begin(rank()), values);
  }

  /// Coordinates of K⁻¹(y - m), of the completed observations if cells are missing. Collective.
  std::vector<double> solve(std::size_t block, const models::MeanEstimate& estimate) {
    const Index count = likelihood_.observations_per_block();
    std::vector<double> values = likelihood_.blocks()[block];
    if (missing()) {
      const models::CellMask& mask = *likelihood_.mask(block);
      cells_.emplace(field_.covariance, mask, likelihood_.missing_settings());
      auto completed = models::MissingDensity(count, std::move(values), field_.columns, mask,
                                              likelihood_.missing_settings())
                           .complete(*cells_, estimate);
      method_ = fmt::format("{} missing cells by conjugate gradients ({} iterations)",
                            core::format_count(mask.missing()), completed.completion.iterations);
      solves_.add(Direction::forward, likelihood_.verdict_of(completed.completion),
                  static_cast<Index>(block) * count);
      completed_ = completed.y;
      values = std::move(completed.y);
    }
    operators::Verdict verdict;
    auto weights = models::GaussianDensity(count, std::move(values), field_.columns)
                       .solve(field_.covariance, estimate, context_.job.solver.tolerance, verdict);
    solves_.add(Direction::forward, verdict, static_cast<Index>(block) * count);
    return weights;
  }

  std::vector<double> home_block(const distribution::Layout& layout) const {
    return std::vector<double>(static_cast<std::size_t>(layout.home_size(rank())), 0.0);
  }

  /// The observation of a block, which holds one where there are draws.
  DrawnObservation drawn(std::size_t block, std::span<const double> mean,
                         const models::MeanEstimate& estimate) {
    DrawnObservation result{static_cast<Index>(block) * likelihood_.observations_per_block(), mean,
                            estimate, estimate_, *uncertainty_};
    if (!missing()) return result;
    result.cells = &*cells_;
    result.mask = likelihood_.mask(block);
    result.completed = completed_;
    return result;
  }

  /// Of `count` observations from `first` on, which have the same, or of all.
  void write_variance(Index first, Index count) {
    const auto layout = field_.prediction.layout();
    std::vector<double> variance = home_block(layout);
    field_.prediction.variance(variance);
    if (missing()) {
      variance_error_ =
          std::max(variance_error_, cells_->add_variance(field_.cross_terms, variance));
    }
    if (context_.request().noise) field_.prediction.add_noise(variance);
    const Index copies = missing() ? count : 1;
    for (Index o = first; o < first + copies; ++o) {
      std::vector<double> whole = variance;
      models::add_variance_of_mean(uncertainty_->residuals(), estimate_.covariance_of(o), whole);
      write("/variance", o * field_.size(), layout, whole);
      variance_statistics_.add(whole);
      last_variance_ = std::move(whole);
    }
  }

  GaussianContext& context_;
  Likelihood& likelihood_;
  FieldAtNewPoints field_;
  PosteriorDraws draws_;
  models::MeanEstimate estimate_;
  std::optional<models::MissingCells> cells_;
  std::optional<models::MeanUncertainty> uncertainty_;  ///< of the block, or of all
  std::vector<double> completed_;  ///< the block with conditional means in its missing cells
  Statistics mean_statistics_;
  Statistics variance_statistics_;
  std::vector<double> last_variance_;  ///< of the observation that was written last, or of all
  double variance_error_ = 0;
  Index without_quantile_ = 0;  ///< of this rank's cells and levels
  SolveQuality solves_;
  std::string method_;
};

}  // namespace

std::string run_predict(GaussianContext& context) {
  Stages& stages = context.stages;
  Likelihood likelihood(context);
  if (context.request().factored_covariance && likelihood.observations().missing() > 0) {
    throw core::ConfigurationError(fmt::format(
        "{}: with missing cells the covariance between new points has no factors; leave "
        "'factored_covariance' out, and ask for 'variance' or 'draws'",
        context.job.where(context.request().observations->position)));
  }
  const auto& observations = *context.request().observations;
  if (observations.transform == configuration::Transform::square &&
      !observations.quantiles.empty()) {
    refuse_negative(context, likelihood);
  }
  std::optional<Predictor> predictor;
  stages.run("cross", [&] { predictor.emplace(context, likelihood); });
  stages.report("cross", "covariances of new and observed points");
  predictor->declare();
  predictor->estimate_mean();
  for (std::size_t block = 0; block < likelihood.blocks().size(); ++block) {
    predictor->predict(block);
  }
  stages.report("solve", predictor->method());
  stages.report("predict", fmt::format("{} new points ({})",
                                       core::format_count(core::product(predictor->extents())),
                                       core::to_text(predictor->extents())));
  if (context.request().draws > 0) {
    stages.report("draw",
                  fmt::format("{} joint draws by Matheron's rule", context.request().draws));
  }
  if (context.request().factored_covariance) {
    stages.run("covariance", [&] { predictor->write_factored_covariance(); });
  }
  context.report.set("method", predictor->method());
  return predictor->report();
}

}  // namespace kronwerk::application
