// The posterior of a Gaussian model at new points: mean, variance, covariance and joint draws.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "application/gaussian/likelihood.hpp"
#include "kronwerk/core/text.hpp"
#include "kronwerk/models/density/mean_uncertainty.hpp"
#include "kronwerk/models/draws/prediction.hpp"
#include "kronwerk/operators/base/random.hpp"

namespace kronwerk::application {
namespace {

/// The random numbers of the noise at new points are of a stream of their own.
constexpr std::uint64_t noise_stream = 0x6e6f697365;

models::PredictionGrid prediction_grid(Likelihood& likelihood,
                                       const GaussianModel::NewPoints& points,
                                       const std::vector<GaussianModel::CrossFactors>& terms) {
  models::PredictionGrid grid;
  const auto& kept = likelihood.observations().extents();
  for (const auto& factors : terms) {
    auto& modes = grid.terms.emplace_back();
    for (std::size_t k = 0; k < points.extents.size(); ++k) {
      auto& mode = modes.emplace_back();
      // Slices without observations are new points too.
      if (!points.new_mode[k] && kept[k] == points.extents[k]) continue;
      mode.cross = likelihood.slices().restrict_columns(k, factors.new_by_old[k]);
      mode.prior = factors.new_by_new[k];
    }
  }
  return grid;
}

/// The cross-covariance of the new points with the observed grid, Σ scale ⊗ C_k.
std::vector<operators::ScaledProduct> cross_terms(
    Likelihood& likelihood, const models::Covariance& covariance,
    const std::vector<GaussianModel::CrossFactors>& terms) {
  std::vector<operators::ScaledProduct> cross;
  for (std::size_t t = 0; t < terms.size(); ++t) {
    auto& product = cross.emplace_back();
    product.scale = covariance.terms().signal[t].scale;
    for (std::size_t k = 0; k < terms[t].new_by_old.size(); ++k) {
      product.chains.push_back(likelihood.slices().restrict_columns(k, terms[t].new_by_old[k]));
    }
  }
  return cross;
}

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

/// One job's predictions, for a block of observations after the other.
class Predictor {
 public:
  Predictor(GaussianContext& context, Likelihood& likelihood)
      : context_(context),
        likelihood_(likelihood),
        points_(context.model.inspect_new_points()),
        covariance_(likelihood.covariance(context.parameters)),
        factors_(context.model.cross_factors(context.parameters, points_)),
        cross_terms_(cross_terms(likelihood, covariance_, factors_)),
        prediction_(covariance_, prediction_grid(likelihood, points_, factors_)),
        columns_(likelihood.mean(context.parameters)),
        columns_at_new_(context.model.mean_at(context.parameters, points_)),
        solves_(likelihood.quality()) {}

  const Extents& extents() const noexcept { return points_.extents; }
  const models::Covariance& covariance() const noexcept { return covariance_; }

  void declare() {
    const auto& request = context_.request();
    const VectorShape& shape = likelihood_.observations().shape();
    context_.file.create_dataset("/mean", dataset_shape(shape, extents()));
    const bool own = missing() && shape.several;
    Extents per_variance = extents();
    if (own) per_variance.insert(per_variance.begin(), shape.count);
    if (request.variance) context_.file.create_dataset("/variance", per_variance);
    if (request.draws == 0) return;
    Extents draws = extents();
    draws.insert(draws.begin(), request.draws);
    if (shape.several) draws.insert(draws.begin(), shape.count);
    context_.file.create_dataset("/draws", draws);
  }

  /// The coefficients of the mean, from all observations. Collective.
  void estimate_mean() {
    context_.stages.run("solve",
                        [&] { estimate_ = likelihood_.estimate_mean(covariance_, columns_); });
  }

  /// Everything of the observations of one block. Collective.
  void predict(std::size_t block) {
    current_ = block;
    const Index count = likelihood_.observations_per_block();
    const Index first = static_cast<Index>(block) * count;
    const models::MeanEstimate estimate = estimate_.part(first, count);
    std::vector<double> weights;
    context_.stages.run("solve", [&] {
      weights = solve(block, estimate);
      if (missing() || block == 0) {
        uncertainty_.emplace(covariance_, prediction_, columns_, columns_at_new_,
                             missing() ? &*cells_ : nullptr);
      }
    });
    std::vector<double> mean;
    context_.stages.run("predict", [&] {
      const auto layout = prediction_.layout(count);
      mean.assign(static_cast<std::size_t>(layout.home_size(rank())), 0.0);
      prediction_.add_mean(count, weights, mean);
      models::add_mean(extents(), columns_at_new_, estimate.coefficients, layout.home_begin(rank()),
                       mean);
      write("/mean", first * points(), layout, mean);
      mean_statistics_.add(mean);
      if (context_.request().variance && (missing() || block == 0)) write_variance(first, count);
    });
    if (context_.request().draws > 0) {
      context_.stages.run("draw", [&] { write_draws(first, mean, estimate); });
    }
  }

  /// The factors of the covariance between new points, which all observations share.
  void write_factored_covariance() {
    write_covariance(context_, prediction_.covariance());
    const auto size = static_cast<Index>(uncertainty_->size());
    if (size == 0) return;
    Extents shape = extents();
    shape.insert(shape.begin(), size);
    const std::string path = "/covariance/regression/columns";
    context_.file.create_dataset(path, shape);
    Index offset = 0;
    for (const auto& residual : uncertainty_->residuals()) {
      write(path, offset, prediction_.layout(), residual);
      offset += points();
    }
    const auto covariance = estimate_.covariance_of(0);
    context_.file.write_array("/covariance/regression/covariance", Extents{size, size}, covariance);
  }

  std::string method() const {
    return method_.empty() ? covariance_.description() : covariance_.description() + "; " + method_;
  }
  /// @return why a solve was not accepted; "" if all were
  std::string report() {
    context_.report.line("result      mean: " + mean_statistics_.text(context_.comm));
    if (context_.request().variance) report_variance();
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
  bool missing() const { return likelihood_.observations().missing() > 0; }
  int rank() const { return context_.comm.rank(); }
  Index points() const { return core::product(extents()); }

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
      cells_.emplace(covariance_, mask, likelihood_.missing_settings());
      auto completed = models::MissingDensity(count, std::move(values), columns_, mask,
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
    auto weights = models::GaussianDensity(count, std::move(values), columns_)
                       .solve(covariance_, estimate, context_.job.solver.tolerance, verdict);
    solves_.add(Direction::forward, verdict, static_cast<Index>(block) * count);
    return weights;
  }

  std::vector<double> home_block(const distribution::Layout& layout) const {
    return std::vector<double>(static_cast<std::size_t>(layout.home_size(rank())), 0.0);
  }

  /// Of `count` observations from `first` on, which have the same, or of all.
  void write_variance(Index first, Index count) {
    const auto layout = prediction_.layout();
    std::vector<double> variance = home_block(layout);
    prediction_.variance(variance);
    if (missing()) {
      variance_error_ = std::max(variance_error_, cells_->add_variance(cross_terms_, variance));
    }
    if (context_.request().noise) prediction_.add_noise(variance);
    const Index copies = missing() ? count : 1;
    for (Index o = first; o < first + copies; ++o) {
      std::vector<double> whole = variance;
      uncertainty_->add_variance(estimate_.covariance_of(o), whole);
      write("/variance", o * points(), layout, whole);
      variance_statistics_.add(whole);
    }
  }

  /// Draws of one observation's posterior: a block holds one where there are draws.
  void write_draws(Index observation, const std::vector<double>& mean,
                   const models::MeanEstimate& estimate) {
    if (!sampler_) sampler_.emplace(prediction_);
    const Index draws = context_.request().draws;
    const std::uint64_t seed = context_.request().seed;
    const Index batch = draws_at_once();
    for (Index d = 0; d < draws; d += batch) {
      const Index size = std::min(batch, draws - d);
      const Index number = observation * draws + d;
      const auto layout = prediction_.layout(size);
      std::vector<double> values = home_block(layout);
      if (missing()) {
        condition(number, size, estimate, values);
        models::add_mean(extents(), columns_at_new_, estimate.coefficients,
                         layout.home_begin(rank()), values);
      } else {
        sampler_->deviations(seed, number, size, values);
        const auto repeated = repeat(mean, prediction_.layout(), layout);
        for (std::size_t i = 0; i < values.size(); ++i) values[i] += repeated[i];
      }
      add_coefficients(observation, d, layout, values);
      if (context_.request().noise) add_noise(number, layout, values);
      write("/draws", number * points(), layout, values);
    }
  }

  /// What draws of the mean's coefficients add: one draw is of one β, whichever observations share
  /// it.
  void add_coefficients(Index observation, Index first, const distribution::Layout& layout,
                        std::span<double> values) const {
    const std::size_t size = uncertainty_->size();
    if (size == 0) return;
    std::vector<std::vector<double>> columns;
    for (const auto& residual : uncertainty_->residuals()) {
      columns.push_back(repeat(residual, prediction_.layout(), layout));
    }
    const bool own = estimate_.pooling == models::MeanPooling::per_observation;
    const Index begin = layout.home_begin(rank());
    const Index end = begin + std::ssize(values);
    for (Index at = begin; at < end;) {
      const Index draw = at / points();
      const Index number = first + draw + (own ? observation * context_.request().draws : 0);
      const auto beta = models::draw_coefficients(estimate_.covariance_of(observation), size,
                                                  context_.request().seed, number);
      for (const Index stop = std::min(end, (draw + 1) * points()); at < stop; ++at) {
        const auto i = static_cast<std::size_t>(at - begin);
        for (std::size_t c = 0; c < size; ++c) values[i] += beta[c] * columns[c][i];
      }
    }
  }

  /// Several draws need a copy of the mean on every rank, for which the grid must be small.
  Index draws_at_once() const {
    constexpr Index small = 1'000'000;
    const Index cells = core::product(covariance_.extents());
    if (std::max(points(), cells) > small) return 1;
    return draws_per_block(context_.comm.size(), std::max(points(), cells),
                           context_.request().draws);
  }

  /// Matheron's rule with missing cells: a draw of field and noise is taken from the observations,
  /// what is left is completed, and solved with.
  void condition(Index first, Index size, const models::MeanEstimate& estimate,
                 std::span<double> values) {
    const auto one = covariance_.layout();
    const auto layout = covariance_.layout(size);
    std::vector<double> residual = home_block(one);
    models::add_mean(covariance_.extents(), columns_, estimate.coefficients, one.home_begin(rank()),
                     residual);
    const auto mask = cells_mask().block(one, 1);
    for (std::size_t i = 0; i < residual.size(); ++i) {
      residual[i] = (*mask)[i] != 0 ? std::nan("") : completed_[i] - residual[i];
    }
    const std::vector<double> repeated = repeat(residual, one, layout);
    std::vector<double> noisy = home_block(layout);
    sampler_->prior(context_.request().seed, first, size, noisy, values);
    for (std::size_t i = 0; i < noisy.size(); ++i) noisy[i] = repeated[i] - noisy[i];
    const auto outcome = cells_->complete(size, noisy);
    if (!outcome.converged) {
      throw core::ConvergenceError(
          fmt::format("the systems of the draws did not converge: {}; raise solver.max_iterations",
                      outcome.reason));
    }
    std::vector<double> solved(noisy.size());
    covariance_.inverse(size)->apply(noisy, solved);
    prediction_.cross(size)->apply(solved, values, true);
  }

  const models::CellMask& cells_mask() const { return *likelihood_.mask(current_); }

  /// One field once for every vector of a block of `layout`: this rank's home block. Collective.
  std::vector<double> repeat(const std::vector<double>& field, const distribution::Layout& one,
                             const distribution::Layout& layout) const {
    if (layout.size() == one.size()) return field;
    std::vector<double> whole(static_cast<std::size_t>(one.size()), 0.0);
    std::ranges::copy(field, whole.begin() + one.home_begin(rank()));
    context_.comm.sum(whole);
    std::vector<double> repeated = home_block(layout);
    const Index begin = layout.home_begin(rank());
    for (std::size_t i = 0; i < repeated.size(); ++i) {
      repeated[i] = whole[static_cast<std::size_t>((begin + static_cast<Index>(i)) % one.size())];
    }
    return repeated;
  }

  void add_noise(Index first, const distribution::Layout& layout, std::span<double> values) const {
    const auto one = prediction_.layout();
    std::vector<double> variance = home_block(one);
    prediction_.add_noise(variance);
    const std::vector<double> repeated = repeat(variance, one, layout);
    std::vector<double> normal(values.size());
    operators::fill_random(operators::RandomKind::normal, context_.request().seed, noise_stream,
                           first * points() + layout.home_begin(rank()), normal);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] += std::sqrt(repeated[i]) * normal[i];
    }
  }

  GaussianContext& context_;
  Likelihood& likelihood_;
  GaussianModel::NewPoints points_;
  models::Covariance covariance_;
  std::vector<GaussianModel::CrossFactors> factors_;
  std::vector<operators::ScaledProduct> cross_terms_;
  models::Prediction prediction_;
  std::vector<models::MeanColumn> columns_;
  std::vector<models::MeanColumn> columns_at_new_;
  std::optional<models::PosteriorSampler> sampler_;
  models::MeanEstimate estimate_;
  std::optional<models::MissingCells> cells_;
  std::optional<models::MeanUncertainty> uncertainty_;  ///< of the block, or of all
  std::vector<double> completed_;  ///< the block with conditional means in its missing cells
  std::size_t current_ = 0;
  Statistics mean_statistics_;
  Statistics variance_statistics_;
  double variance_error_ = 0;
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
