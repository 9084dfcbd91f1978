#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "kronwerk/distribution/sum_estimate.hpp"
#include "kronwerk/prediction/pricing.hpp"

namespace kronwerk::prediction {

/// Σ of Kronecker products, as distribution::SumShape with what its matrices do.
struct PricedSum {
  std::vector<std::vector<PricedMode>> modes;  ///< the distinct matrices of each mode
  std::vector<distribution::SumShape::Term> terms;
  /// The rows that ranks need of each other where the first mode's matrices are sparse and act in
  /// the home layout, by the number of ranks; empty if that is not known.
  std::function<distribution::NeighbourNeeds(int parts)> needs{};

  double points() const;  ///< of the input or the result, whichever is larger
};
distribution::SumShape shape_of(const PricedSum& sum);
/// One term.
PricedSum as_sum(std::vector<PricedMode> modes);

/// One application to one vector.
struct Application {
  Cost cost;
  int leading_modes = 0;
  double values = 0;      ///< of the busiest rank's home block
  double away_bytes = 0;  ///< of its work memory, which the first application touches
};

/// Of one product, as operators::KroneckerProduct does it.
/// @param accumulate  y += A x
Application price_product(const Pricing& pricing, std::span<const PricedMode> modes,
                          std::optional<int> leading_modes = std::nullopt, bool accumulate = false);
/// Of a sum, as operators::ProductSum does it.
Application price_sum(const Pricing& pricing, const PricedSum& sum,
                      std::optional<int> leading_modes = std::nullopt, bool accumulate = false);

}  // namespace kronwerk::prediction
