// P x, what fixed effects explain of x, has the means of the rows or columns of x; with both, these
// less the mean of all.
#include "models/flow/effect_sums.hpp"

#include <numeric>

#include "models/fit/small_dense.hpp"

namespace kronwerk::models {
namespace {

double total(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

/// ⟨x, P x'⟩ from the sums of both.
class Projection {
 public:
  Projection(const FlowMoments& moments, std::size_t vectors) : moments_(moments) {
    both_ = moments.effects.modes[0] && moments.effects.modes[1];
    for (std::size_t mode = 0; mode < 2; ++mode) {
      centred_[mode] = moments.sums[mode];
      if (!both_) continue;
      const auto n = static_cast<std::size_t>(moments.extents[mode]);
      for (std::size_t a = 0; a < vectors; ++a) {
        const std::span own = std::span(centred_[mode]).subspan(a * n, n);
        const double sum = total(own);
        if (mode == 0) totals_.push_back(sum);
        for (double& value : own) value -= sum / static_cast<double>(n);
      }
    }
  }

  double operator()(std::size_t a, std::size_t b) const {
    const auto years = static_cast<double>(moments_.years);
    double result = 0;
    for (std::size_t mode = 0; mode < 2; ++mode) {
      if (!moments_.effects.modes[mode]) continue;
      const auto n = static_cast<std::size_t>(moments_.extents[mode]);
      const std::span all(centred_[mode]);
      result += inner(all.subspan(a * n, n), all.subspan(b * n, n)) /
                (years * static_cast<double>(moments_.extents[1 - mode]));
    }
    if (!both_) return result;
    return result +
           totals_[a] * totals_[b] / (years * static_cast<double>(core::product(moments_.extents)));
  }

 private:
  const FlowMoments& moments_;
  bool both_ = false;
  std::array<std::vector<double>, 2> centred_;
  std::vector<double> totals_;
};

}  // namespace

EffectSums::EffectSums(const FixedEffects& effects, const core::Extents& extents,
                       std::size_t vectors)
    : effects_(effects), extents_(extents), vectors_(vectors) {
  for (std::size_t mode = 0; mode < 2; ++mode) {
    if (!effects.modes[mode]) continue;
    sums_[mode].assign(vectors * static_cast<std::size_t>(extents[mode]), 0.0);
  }
}

void EffectSums::add_row(std::size_t vector, Index origin, const double* row) {
  const auto width = static_cast<std::size_t>(extents_[1]);
  if (effects_.modes[0]) sums_of(0, vector)[origin] += total({row, width});
  if (!effects_.modes[1]) return;
  double* sums = sums_of(1, vector);
  for (std::size_t j = 0; j < width; ++j) sums[j] += row[j];
}

void EffectSums::finish(const communication::Communicator& comm) {
  for (auto& sums : sums_) comm.sum(std::span<double>(sums));
}

void EffectSums::add_product(std::size_t vector, double weight, std::span<const double> u,
                             std::span<const double> v) {
  for (std::size_t mode = 0; mode < 2; ++mode) {
    if (!effects_.modes[mode]) continue;
    const auto& own = mode == 0 ? u : v;
    const double scale = weight * total(mode == 0 ? v : u);
    for (std::size_t i = 0; i < own.size(); ++i) sums_of(mode, vector)[i] += scale * own[i];
  }
}

void EffectSums::add_diagonal(std::size_t vector, double weight, std::span<const double> u) {
  for (std::size_t mode = 0; mode < 2; ++mode) {
    if (!effects_.modes[mode]) continue;
    for (std::size_t i = 0; i < u.size(); ++i) sums_of(mode, vector)[i] += weight * u[i];
  }
}

void EffectSums::take_out(FlowMoments& moments) && {
  const std::size_t lags = moments.lags;
  const std::size_t count = vectors_ - lags;
  moments.effects = effects_;
  moments.extents = extents_;
  moments.sums = std::move(sums_);
  moments.whole_yy = moments.yy;
  moments.whole_zz = moments.zz;
  const Projection explained(moments, vectors_);
  for (std::size_t t = 0; t < lags; ++t) {
    for (std::size_t u = 0; u < lags; ++u) {
      moments.yy[t * lags + u] -= explained(count + t, count + u);
    }
  }
  for (std::size_t a = 0; a < count; ++a) {
    for (std::size_t t = 0; t < lags; ++t) moments.zy[a * lags + t] -= explained(a, count + t);
    for (std::size_t b = 0; b < count; ++b) moments.zz[a * count + b] -= explained(a, b);
  }
}

}  // namespace kronwerk::models
