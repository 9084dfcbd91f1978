#include "kronwerk/models/laplace/latent_prediction.hpp"

#include <algorithm>
#include <cmath>

#include "kronwerk/models/density/mean_uncertainty.hpp"
#include "kronwerk/operators/base/random.hpp"

namespace kronwerk::models {

namespace {

using Vector = std::vector<double>;
using Weights = LaplaceApproximation::Weights;

// Draws that correct variances, and the normal numbers of all, are of streams of their own.
constexpr std::uint64_t variance_seed = 0x76617269616e6365;
constexpr std::uint64_t normal_stream = 0x6c6174656e74;

}  // namespace

LatentPrediction::LatentPrediction(const communication::Communicator& comm,
                                   LaplaceApproximation& approximation, const Prediction& field,
                                   std::vector<ScaledProduct> cross,
                                   std::vector<MeanColumn> columns)
    : comm_(&comm),
      approximation_(&approximation),
      field_(&field),
      cross_(std::move(cross)),
      product_(field.cross()),
      layout_(field.layout()),
      estimate_(approximation.mean()) {
  mean_ = block();
  product_->apply(approximation.score(), mean_);
  columns_ = approximation.residual_columns(cross_, columns, layout_);
  models::add_mean(field.extents(), std::move(columns), estimate_.coefficients,
                   layout_.home_begin(comm.rank()), mean_);
}

Vector LatentPrediction::block() const {
  return Vector(static_cast<std::size_t>(layout_.home_size(comm_->rank())), 0.0);
}

LatentPrediction::Variance LatentPrediction::variance(std::uint64_t seed, Index probes) {
  Variance result{block()};
  Vector& values = result.values;
  field_->prior_variance(values);
  approximation_->explain(cross_, layout_, values);
  if (!approximation_->exact()) result.standard_error = correct(seed, probes, values);
  add_variance_of_mean(columns_, estimate_.covariance, values);
  for (double& value : values) value = std::max(value, 0.0);
  return result;
}

Vector LatentPrediction::draw(std::uint64_t seed, Index number) {
  Vector values = deviations(seed, number, false).own;
  const Vector beta = draw_coefficients(estimate_.covariance, columns_.size(), seed, number);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] += mean_[i];
    for (std::size_t j = 0; j < beta.size(); ++j) values[i] += beta[j] * columns_[j][i];
  }
  return values;
}

/// A draw of the field about its mode by Matheron's rule, and the same with the nearest weights.
LatentPrediction::Deviations LatentPrediction::deviations(std::uint64_t seed, Index number,
                                                          bool nearest) {
  if (!sampler_) sampler_.emplace(*field_);
  const Layout& data = product_->input_layout();
  Vector u(static_cast<std::size_t>(data.home_size(comm_->rank())));
  Vector z(u.size()), weights(u.size());
  Deviations result{block(), {}};
  sampler_->prior(seed, number, 1, u, result.own, false);
  operators::fill_random(operators::RandomKind::normal, seed,
                         normal_stream + static_cast<std::uint64_t>(number),
                         data.home_begin(comm_->rank()), z);
  if (nearest) result.nearest = result.own;
  const auto condition = [&](Weights kind, Vector& values) {
    approximation_->condition(u, z, kind, weights);
    for (double& weight : weights) weight = -weight;
    product_->apply(weights, values, true);
  };
  condition(Weights::own, result.own);
  if (nearest) condition(Weights::nearest, result.nearest);
  return result;
}

/// The nearest product's variances are exact: draws with the same random numbers say how those of
/// the own weights differ.
double LatentPrediction::correct(std::uint64_t seed, Index probes, Vector& variance) {
  Vector sum = block(), squares = block();
  for (Index number = 0; number < probes; ++number) {
    const auto drawn = deviations(seed ^ variance_seed, number, true);
    for (std::size_t i = 0; i < sum.size(); ++i) {
      const double difference = drawn.own[i] * drawn.own[i] - drawn.nearest[i] * drawn.nearest[i];
      sum[i] += difference;
      squares[i] += difference * difference;
    }
  }
  const auto n = static_cast<double>(probes);
  double error = 0;
  for (std::size_t i = 0; i < sum.size(); ++i) {
    const double mean = sum[i] / n;
    variance[i] += mean;
    error += std::max(0.0, squares[i] / n - mean * mean) / std::max(n - 1, 1.0);
  }
  return std::sqrt(comm_->sum(error) / static_cast<double>(core::product(field_->extents())));
}

}  // namespace kronwerk::models
