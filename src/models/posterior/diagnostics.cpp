// Vehtari, Gelman, Simpson, Carpenter and Bürkner (2021): Rank-normalization, folding, and
// localization: an improved R-hat for assessing convergence of MCMC. Bayesian Analysis 16.
#include "kronwerk/models/posterior/diagnostics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "models/posterior/normal_quantile.hpp"

namespace kronwerk::models {
namespace {

constexpr Index least_draws = 4;  // of half a chain

/// Values that own themselves.
struct Chains {
  std::vector<double> values;
  Index chains = 0;

  Index per_chain() const { return std::ssize(values) / chains; }
  std::span<const double> chain(Index c) const {
    return std::span(values).subspan(static_cast<std::size_t>(c * per_chain()),
                                     static_cast<std::size_t>(per_chain()));
  }
};

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double variance_of(std::span<const double> values) {
  const double mean = mean_of(values);
  double sum = 0;
  for (const double value : values) sum += (value - mean) * (value - mean);
  return sum / (static_cast<double>(values.size()) - 1);
}

/// Halves of every chain; the draw in the middle of an odd number belongs to none.
Chains split(const ChainDraws& draws) {
  const Index n = draws.per_chain();
  const Index half = n / 2;
  Chains result{{}, 2 * draws.chains};
  for (Index c = 0; c < draws.chains; ++c) {
    for (const Index first : {Index{0}, n - half}) {
      const auto begin = draws.values.begin() + c * n + first;
      result.values.insert(result.values.end(), begin, begin + half);
    }
  }
  return result;
}

bool can_be_judged(const ChainDraws& draws) {
  return draws.chains > 0 && draws.per_chain() / 2 >= least_draws &&
         std::ranges::all_of(draws.values, [](double x) { return std::isfinite(x); });
}

/// Normal scores of the ranks, ties having their mean rank (Blom 1958).
Chains normal_scores(const Chains& chains) {
  const auto& values = chains.values;
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](std::size_t i) { return values[i]; });
  Chains result{std::vector<double>(values.size()), chains.chains};
  const auto count = static_cast<double>(values.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    const double rank = (static_cast<double>(begin) + 1 + static_cast<double>(end)) / 2;
    const double score = normal_quantile((rank - 0.375) / (count + 0.25));
    for (; begin < end; ++begin) result.values[order[begin]] = score;
  }
  return result;
}

double rhat_of(const Chains& chains) {
  std::vector<double> means, variances;
  for (Index c = 0; c < chains.chains; ++c) {
    means.push_back(mean_of(chains.chain(c)));
    variances.push_back(variance_of(chains.chain(c)));
  }
  const auto n = static_cast<double>(chains.per_chain());
  const double within = mean_of(variances);
  const double between = n * variance_of(means);
  return std::sqrt((between / within + n - 1) / n);
}

bool constant(const Chains& chains) {
  const auto [least, most] = std::ranges::minmax(chains.values);
  return most - least < 1e-15;
}

/// Autocovariances of one lag (divided by n), the mean over the chains.
class Autocovariance {
 public:
  explicit Autocovariance(const Chains& chains) : chains_(&chains), centred_(chains.values) {
    const Index n = chains.per_chain();
    for (Index c = 0; c < chains.chains; ++c) {
      means_.push_back(mean_of(chains.chain(c)));
      for (Index i = 0; i < n; ++i) centred_[static_cast<std::size_t>(c * n + i)] -= means_.back();
    }
  }

  const std::vector<double>& means() const { return means_; }
  double at(Index lag) const {
    const Index n = chains_->per_chain();
    double sum = 0;
    for (Index c = 0; c < chains_->chains; ++c) {
      const double* x = centred_.data() + c * n;
      for (Index i = 0; i + lag < n; ++i) sum += x[i] * x[i + lag];
    }
    return sum / static_cast<double>(n) / static_cast<double>(chains_->chains);
  }

 private:
  const Chains* chains_;
  std::vector<double> centred_;
  std::vector<double> means_;
};

/// By Geyer's initial monotone sequence of sums of pairs of autocorrelations.
double effective_size(const Chains& chains) {
  const auto total = static_cast<double>(chains.values.size());
  if (constant(chains)) return total;
  const Index n = chains.per_chain();
  const Autocovariance covariance(chains);
  const double variance = covariance.at(0) * static_cast<double>(n) / static_cast<double>(n - 1);
  double overall = covariance.at(0);
  if (chains.chains > 1) overall += variance_of(covariance.means());
  const auto correlation = [&](Index lag) { return 1 - (variance - covariance.at(lag)) / overall; };
  std::vector<double> rho(static_cast<std::size_t>(n), 0.0);
  double even = 1;
  double odd = correlation(1);
  rho[0] = even;
  rho[1] = odd;
  Index t = 1;
  for (; t < n - 3 && even + odd > 0; t += 2) {
    even = correlation(t + 1);
    odd = correlation(t + 2);
    if (even + odd < 0) continue;
    rho[static_cast<std::size_t>(t + 1)] = even;
    rho[static_cast<std::size_t>(t + 2)] = odd;
  }
  const auto last = static_cast<std::size_t>(t - 2 + 1);
  if (even > 0) rho[last] = even;
  for (std::size_t i = 1; i + 2 < last; i += 2) {
    const double before = rho[i - 1] + rho[i];
    if (rho[i + 1] + rho[i + 2] > before) rho[i + 1] = rho[i + 2] = before / 2;
  }
  double time = rho[last] - 1;
  for (std::size_t i = 0; i < last; ++i) time += 2 * rho[i];
  return total / std::max(time, 1 / std::log10(total));
}

/// Whether each draw is at most the quantile, as 0 and 1.
double quantile_effective_size(const ChainDraws& draws, double probability) {
  const double limit = quantile_of(draws, probability);
  std::vector<double> below;
  for (const double value : draws.values) below.push_back(value <= limit ? 1 : 0);
  return effective_size(split({below, draws.chains}));
}

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

}  // namespace

double rank_normalised_rhat(const ChainDraws& draws) {
  if (!can_be_judged(draws)) return undefined;
  Chains folded = split(draws);
  const double bulk = rhat_of(normal_scores(folded));
  const double median = quantile_of({folded.values, folded.chains}, 0.5);
  for (double& value : folded.values) value = std::abs(value - median);
  return std::max(bulk, rhat_of(normal_scores(folded)));
}

double bulk_effective_size(const ChainDraws& draws) {
  return can_be_judged(draws) ? effective_size(normal_scores(split(draws))) : undefined;
}

double tail_effective_size(const ChainDraws& draws) {
  if (!can_be_judged(draws)) return undefined;
  return std::min(quantile_effective_size(draws, 0.05), quantile_effective_size(draws, 0.95));
}

double mean_effective_size(const ChainDraws& draws) {
  return can_be_judged(draws) ? effective_size(split(draws)) : undefined;
}

double monte_carlo_error(const ChainDraws& draws) {
  return std::sqrt(variance_of(draws.values) / mean_effective_size(draws));
}

double energy_fraction(std::span<const double> energies) {
  const double mean = mean_of(energies);
  double changes = 0;
  double deviations = 0;
  for (std::size_t i = 0; i < energies.size(); ++i) {
    deviations += (energies[i] - mean) * (energies[i] - mean);
    if (i > 0) changes += (energies[i] - energies[i - 1]) * (energies[i] - energies[i - 1]);
  }
  return changes / deviations;
}

double quantile_of(const ChainDraws& draws, double probability) {
  std::vector<double> sorted(draws.values.begin(), draws.values.end());
  std::ranges::sort(sorted);
  const double place = probability * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const double part = place - static_cast<double>(below);
  if (part == 0) return sorted[below];
  return sorted[below] + part * (sorted[below + 1] - sorted[below]);
}

DrawSummary summarise(const ChainDraws& draws) {
  DrawSummary summary;
  summary.mean = mean_of(draws.values);
  summary.sd = std::sqrt(variance_of(draws.values));
  summary.monte_carlo_error = monte_carlo_error(draws);
  summary.low = quantile_of(draws, 0.05);
  summary.median = quantile_of(draws, 0.5);
  summary.high = quantile_of(draws, 0.95);
  summary.rhat = rank_normalised_rhat(draws);
  summary.bulk = bulk_effective_size(draws);
  summary.tail = tail_effective_size(draws);
  return summary;
}

}  // namespace kronwerk::models
