#include "application/gaussian/posterior_draws.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kronwerk/operators/base/random.hpp"

namespace kronwerk::application {
namespace {

/// The random numbers of the noise at new points are of a stream of their own.
constexpr std::uint64_t noise_stream = 0x6e6f697365;

}  // namespace

std::vector<double> PosteriorDraws::home_block(const distribution::Layout& layout) const {
  return std::vector<double>(static_cast<std::size_t>(layout.home_size(rank())), 0.0);
}

void PosteriorDraws::begin() {
  sampler_.emplace(field_.prediction);
  kept_.emplace(context_, "draws", observations_ * context_.request().draws,
                std::vector<KeptBlocks::Dataset>{{"/draws", field_.size()}},
                std::vector<Statistics*>{});
  finished_ = kept_->resume();
}

void PosteriorDraws::write(const DrawnObservation& observation) {
  if (!sampler_) begin();
  const Index draws = context_.request().draws;
  const std::uint64_t seed = context_.request().seed;
  const Index batch = draws_at_once();
  for (Index d = 0; d < draws; d += batch) {
    const Index size = std::min(batch, draws - d);
    const Index number = observation.number * draws + d;
    if (number + size <= finished_) continue;
    const auto layout = field_.prediction.layout(size);
    std::vector<double> values = home_block(layout);
    if (observation.cells != nullptr) {
      condition(observation, number, size, values);
      models::add_mean(field_.extents(), field_.columns_at_new, observation.estimate.coefficients,
                       layout.home_begin(rank()), values);
    } else {
      sampler_->deviations(seed, number, size, values);
      const auto repeated = repeat(observation.mean, field_.prediction.layout(), layout);
      for (std::size_t i = 0; i < values.size(); ++i) values[i] += repeated[i];
    }
    add_coefficients(observation, d, layout, values);
    if (context_.request().noise) add_noise(number, layout, values);
    context_.file.write_range("/draws", number * field_.size() + layout.home_begin(rank()), values);
    kept_->finish(number + size);
  }
}

/// What draws of the mean's coefficients add: one draw is of one β, whichever observations share
/// it.
void PosteriorDraws::add_coefficients(const DrawnObservation& observation, Index first,
                                      const distribution::Layout& layout,
                                      std::span<double> values) const {
  const std::size_t size = observation.uncertainty.size();
  if (size == 0) return;
  std::vector<std::vector<double>> columns;
  for (const auto& residual : observation.uncertainty.residuals()) {
    columns.push_back(repeat(residual, field_.prediction.layout(), layout));
  }
  const bool own = observation.all.pooling == models::MeanPooling::per_observation;
  const Index begin = layout.home_begin(rank());
  const Index end = begin + std::ssize(values);
  for (Index at = begin; at < end;) {
    const Index draw = at / field_.size();
    const Index number = first + draw + (own ? observation.number * context_.request().draws : 0);
    const auto beta = models::draw_coefficients(observation.all.covariance_of(observation.number),
                                                size, context_.request().seed, number);
    for (const Index stop = std::min(end, (draw + 1) * field_.size()); at < stop; ++at) {
      const auto i = static_cast<std::size_t>(at - begin);
      for (std::size_t c = 0; c < size; ++c) values[i] += beta[c] * columns[c][i];
    }
  }
}

/// Several draws need a copy of the mean on every rank, for which the grid must be small.
Index PosteriorDraws::draws_at_once() const {
  constexpr Index small = 1'000'000;
  const Index cells = core::product(field_.covariance.extents());
  if (std::max(field_.size(), cells) > small) return 1;
  return draws_per_block(context_.comm.size(), std::max(field_.size(), cells),
                         context_.request().draws);
}

/// Matheron's rule with missing cells: a draw of field and noise is taken from the observations,
/// what is left is completed, and solved with.
void PosteriorDraws::condition(const DrawnObservation& observation, Index first, Index size,
                               std::span<double> values) {
  const auto one = field_.covariance.layout();
  const auto layout = field_.covariance.layout(size);
  std::vector<double> residual = home_block(one);
  models::add_mean(field_.covariance.extents(), field_.columns, observation.estimate.coefficients,
                   one.home_begin(rank()), residual);
  const auto mask = observation.mask->block(one, 1);
  for (std::size_t i = 0; i < residual.size(); ++i) {
    residual[i] = (*mask)[i] != 0 ? std::nan("") : observation.completed[i] - residual[i];
  }
  const std::vector<double> repeated = repeat(residual, one, layout);
  std::vector<double> noisy = home_block(layout);
  sampler_->prior(context_.request().seed, first, size, noisy, values);
  for (std::size_t i = 0; i < noisy.size(); ++i) noisy[i] = repeated[i] - noisy[i];
  const auto outcome = observation.cells->complete(size, noisy);
  if (!outcome.converged) {
    throw core::ConvergenceError(
        fmt::format("the systems of the draws did not converge: {}; raise solver.max_iterations",
                    outcome.reason));
  }
  std::vector<double> solved(noisy.size());
  field_.covariance.inverse(size)->apply(noisy, solved);
  field_.prediction.cross(size)->apply(solved, values, true);
}

/// One field once for every vector of a block of `layout`: this rank's home block. Collective.
std::vector<double> PosteriorDraws::repeat(std::span<const double> field,
                                           const distribution::Layout& one,
                                           const distribution::Layout& layout) const {
  if (layout.size() == one.size()) return {field.begin(), field.end()};
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

void PosteriorDraws::add_noise(Index first, const distribution::Layout& layout,
                               std::span<double> values) const {
  const auto one = field_.prediction.layout();
  std::vector<double> variance = home_block(one);
  field_.prediction.add_noise(variance);
  const std::vector<double> repeated = repeat(variance, one, layout);
  std::vector<double> normal(values.size());
  operators::fill_random(operators::RandomKind::normal, context_.request().seed, noise_stream,
                         first * field_.size() + layout.home_begin(rank()), normal);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] += std::sqrt(repeated[i]) * normal[i];
  }
}

}  // namespace kronwerk::application
