#pragma once

#include <span>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::application {

/// How well a graph describes its samples for as many edges as it has.
struct GraphCriteria {
  double log_likelihood = 0;
  double degrees_of_freedom = 0;  ///< Σ|E_k| + Σn_k − (K − 1): edges, and diagonals up to traces
  double bic = 0;                 ///< −2ℓ + df log(mN)
  double extended_bic = 0;        ///< + 4γ Σ|E_k| log n_k (Foygel and Drton 2010)
};

/// Pure.
/// @param samples      m, less the one that their mean takes
/// @param edges        |E_k|
/// @param log_density  mean of one sample
/// @param gamma        γ
GraphCriteria graph_criteria(const core::Extents& extents, double samples,
                             std::span<const core::Index> edges, double log_density, double gamma);

}  // namespace kronwerk::application
