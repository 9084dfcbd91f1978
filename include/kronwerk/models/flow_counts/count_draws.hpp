#pragma once

#include <cstdint>
#include <span>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::models {

/// Draws of counts with means exp(eta), each from a counter-based sequence of its own: cell
/// `first` + i of the whole grid of a draw gets the same number for every number of ranks. Poisson
/// by inversion for small means, by rejection (Hörmann 1993, PTRS) for others; negative binomial as
/// Poisson with gamma distributed means (Marsaglia and Tsang 2000). Local.
/// @param theta  of the negative binomial; 0: Poisson
/// @throws DataError for a mean that is no number or too large to count
void draw_counts(std::uint64_t seed, core::Index first, std::span<const double> eta, double theta,
                 std::span<double> counts);

}  // namespace kronwerk::models
