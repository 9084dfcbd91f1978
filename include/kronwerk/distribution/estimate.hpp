#pragma once

#include <span>
#include <string>

#include "kronwerk/distribution/layout.hpp"

namespace kronwerk::distribution {

/// One mode of a product as the estimate sees it.
struct ModeCost {
  Index rows = 1;
  Index cols = 1;
  double flops_per_fibre = 0;
  bool identity = false;
};

/// What the machine does per second and rank; only ratios matter for the choice of the split.
struct Rates {
  double flops_per_second = 2e10;
  double memory_bytes_per_second = 1e10;
  double exchange_bytes_per_second = 3e9;
  double seconds_per_message = 1e-6;  ///< of each rank that takes part, however short it is
};

/// One application or solve of a product of K modes on `parts` ranks, split after `leading_modes`.
struct ProductEstimate {
  int leading_modes = 0;
  int exchanges = 0;  ///< 0 or 2
  double flops_busiest_rank = 0;
  double exchanged_bytes_per_rank = 0;  ///< leaving the busiest rank, both exchanges
  double vector_bytes_per_rank = 0;     ///< the input's home block of the busiest rank
  double result_bytes_per_rank = 0;
  double away_bytes_per_rank = 0;     ///< the work block; 0 without exchanges
  double scratch_bytes_per_rank = 0;  ///< between the modes of a group too large for the cache
  double seconds = 0;                 ///< by the given rates
};

ProductEstimate estimate_product(std::span<const ModeCost> modes, int leading_modes, int parts,
                                 const Rates& rates = {});

/// The split with the least estimated time among those that give every rank a part, if there are
/// any; of equal ones the smallest.
/// @throws ShapeError if there is no mode or a size overflows
ProductEstimate choose_split(std::span<const ModeCost> modes, int parts, const Rates& rates = {});

}  // namespace kronwerk::distribution
