#pragma once

#include <span>
#include <vector>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::models {

using core::Index;

/// The draws of one number: chains × draws, row-major.
struct ChainDraws {
  std::span<const double> values;
  Index chains = 0;

  Index per_chain() const noexcept { return std::ssize(values) / chains; }
};

/// The largest of the rank-normalised split R-hat of the draws and of their distances from the
/// median (Vehtari et al. 2021, section 3.1); NaN with fewer than four draws for each half of a
/// chain, or where the draws are not finite. Local, like all of these.
double rank_normalised_rhat(const ChainDraws& draws);
/// Effective sample sizes of rank-normalised split chains, of the 5 % and 95 % quantiles (the
/// smaller one), and of the mean (Vehtari et al. 2021, sections 3.2 and 3.3).
double bulk_effective_size(const ChainDraws& draws);
double tail_effective_size(const ChainDraws& draws);
double mean_effective_size(const ChainDraws& draws);
/// Of the mean: sd / √(effective size).
double monte_carlo_error(const ChainDraws& draws);
/// The energy's Bayesian fraction of missing information of one chain (Betancourt 2016).
double energy_fraction(std::span<const double> energies);

struct DrawSummary {
  double mean = 0;
  double sd = 0;
  double monte_carlo_error = 0;
  double low = 0;     ///< 5 %
  double median = 0;  ///< 50 %
  double high = 0;    ///< 95 %
  double rhat = 0;
  double bulk = 0;  ///< effective sizes
  double tail = 0;
};
DrawSummary summarise(const ChainDraws& draws);

/// Of the draws of all chains together, between order statistics linearly.
double quantile_of(const ChainDraws& draws, double probability);

}  // namespace kronwerk::models
