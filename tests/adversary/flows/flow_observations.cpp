// What a random flow job observes: simulated from its own model, or noise.
#include <cmath>
#include <limits>

#include "adversary/flows/flow_job.hpp"

namespace kronwerk::adversary {
namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double largest_mean = 300;

/// By inversion of the distribution function.
double draw_poisson(Random& random, double mean) {
  double u = random.unit();
  double probability = std::exp(-mean);
  double count = 0;
  while (u > probability && count < 10 * largest_mean) {
    u -= probability;
    count += 1;
    probability *= mean / count;
  }
  return count;
}

}  // namespace

void FlowJob::choose_observations(Random& random) {
  several_ = random.one_in(3);
  count_ = several_ ? 1 + random.below(3) : 1;
  if (gaussian()) {
    transform_ = random.pick(std::vector<std::string>{"none", "none", "none", "log1p", "sqrt"});
  }
  // The truth has other parameters than the fit begins with.
  Parameters truth = material_.parameters();
  for (auto& [name, value] : truth) {
    if (form_ != "form 9") value *= random.between(-0.5, 1.1);
  }
  const Matrix filter = filter_->evaluate(truth, material_.leaves()).value;
  if (!gaussian() && random.one_in(3)) choose_exposure(random);
  gaussian() ? observe_gaussian(random, filter) : observe_counts(random, filter);
  choose_missing(random);
  Grid shape{extents_[0], extents_[1]};
  if (several_) shape.insert(shape.begin(), count_);
  observations_ = material_.add_dataset("y", shape, y_);
}

Vector FlowJob::trend() const {
  Vector result = Vector::Zero(cells());
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    result += static_cast<Real>(coefficients_[c]) *
              columns_[c].values(material_.leaves(), extents_[0], extents_[1]);
  }
  for (Index cell = 0; cell < cells(); ++cell) {
    const std::array<Index, 2> place{cell / extents_[1], cell % extents_[1]};
    for (const std::size_t mode : {0U, 1U}) {
      if (!effects_[mode]) continue;
      result(cell) += fixed_effects_[mode][static_cast<std::size_t>(place[mode])];
    }
  }
  return result;
}

void FlowJob::observe_gaussian(Random& random, const Matrix& filter) {
  const auto factor = filter.partialPivLu();
  const double scale = random.one_in(6) ? std::pow(10, random.between(-3, 3)) : 1;
  const bool noise = transform_ != "none" || random.one_in(3);
  for (Index year = 0; year < count_; ++year) {
    Vector shocks(cells());
    for (Index i = 0; i < cells(); ++i) shocks(i) = std::sqrt(sigma2_) * random.normal();
    Vector y = on_errors_ ? Vector(trend() + factor.solve(shocks))
                          : Vector(factor.solve(trend() + shocks));
    for (Index i = 0; i < cells(); ++i) {
      const double value = noise ? random.normal() : static_cast<double>(y(i));
      y_.push_back(transform_ == "none" ? scale * value : std::abs(3 * value) + 0.05);
    }
  }
  observed_.assign(y_.size(), true);
}

void FlowJob::observe_counts(Random& random, const Matrix& filter) {
  const Vector eta = filter.partialPivLu().solve(trend());
  for (Index year = 0; year < count_; ++year) {
    for (Index i = 0; i < cells(); ++i) {
      double mean = std::exp(static_cast<double>(eta(i)));
      if (!exposures_.empty()) {
        const Index of = std::ssize(exposures_) == cells() ? i : year * cells() + i;
        mean *= exposures_[static_cast<std::size_t>(of)];
      }
      if (family_ == "negative_binomial") mean *= std::exp(0.7 * random.normal() - 0.25);
      y_.push_back(draw_poisson(random, std::min(mean, largest_mean)));
    }
  }
  observed_.assign(y_.size(), true);
}

void FlowJob::choose_exposure(Random& random) {
  const bool each_year = several_ && random.one_in(3);
  for (Index i = 0; i < (each_year ? count_ : 1) * cells(); ++i) {
    exposures_.push_back(random.between(0.5, 2));
  }
  Grid shape{extents_[0], extents_[1]};
  if (each_year) shape.insert(shape.begin(), count_);
  exposure_ = material_.add_dataset("exposure", shape, exposures_);
}

/// No missing flows, or some: as NaN, in a mask, or in both.
void FlowJob::choose_missing(Random& random) {
  if (!random.one_in(3)) return;
  const double share = random.between(0.03, 0.3);
  for (std::size_t i = 0; i < observed_.size(); ++i) observed_[i] = !random.chance(share);
  if (random.one_in(3)) {
    std::vector<double> mask;
    // One mask for all years, or one for each.
    const bool one = several_ && random.one_in(2);
    for (std::size_t i = 0; i < observed_.size(); ++i) {
      if (one) observed_[i] = observed_[i % static_cast<std::size_t>(cells())];
      if (!one || std::ssize(mask) < cells()) mask.push_back(observed_[i] ? 1 : 0);
    }
    Grid shape{extents_[0], extents_[1]};
    if (several_ && !one) shape.insert(shape.begin(), count_);
    mask_ = material_.add_dataset("mask", shape, mask);
    return;
  }
  nan_ = true;
  for (std::size_t i = 0; i < y_.size(); ++i) {
    if (!observed_[i]) y_[i] = not_a_number;
  }
}

}  // namespace kronwerk::adversary
