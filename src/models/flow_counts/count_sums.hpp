#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "kronwerk/models/flow_counts/count_flow.hpp"

namespace kronwerk::models {

/// visit(i, y, offset) for every cell first + i, i < count, of every year with an observed count y;
/// offset: the logarithm of its exposure.
template <typename Visit>
void visit_counts(const FlowCounts& counts, std::size_t first, std::size_t count, Visit visit) {
  for (std::size_t year = 0; year < counts.years.size(); ++year) {
    const auto* exposure = counts.exposure(year);
    for (std::size_t i = 0; i < count; ++i) {
      const double y = counts.years[year][first + i];
      if (!std::isnan(y)) visit(i, y, exposure == nullptr ? 0.0 : (*exposure)[first + i]);
    }
  }
}

/// What the logarithms of the counts say of η, for a start: of every cell first + i, i < count, the
/// sum over the years of weights, the counts themselves, to `weight`, and of these times η to
/// `value`.
inline void weigh_logarithms(const FlowCounts& counts, std::size_t first, std::size_t count,
                             double* value, double* weight) {
  constexpr double continuity = 0.1;  // for counts of 0
  visit_counts(counts, first, count, [&](std::size_t i, double y, double offset) {
    value[i] += (y + continuity) * (std::log(y + continuity) - offset);
    weight[i] += y + continuity;
  });
}

/// What is summed over the cells.
struct CountFlow::Sums {
  double value = 0;
  double by_theta = 0;
  double by_theta2 = 0;
  std::vector<double> gradient;  ///< Uᵀ s
  std::vector<double> gram;      ///< Uᵀ diag(w) U
  std::vector<double> by_both;   ///< Uᵀ ∂s/∂log θ

  bool finite() const {
    const auto good = [](double number) { return std::isfinite(number); };
    return good(value) && std::ranges::all_of(gradient, good) && std::ranges::all_of(gram, good);
  }
};

}  // namespace kronwerk::models
