#pragma once

#include <vector>

#include "kronwerk/models/covariance/covariance.hpp"
#include "models/covariance/covariance_bases.hpp"

namespace kronwerk::models {

/// The products of signal and noise that are not zero.
std::vector<ScaledProduct> effective_terms(const CovarianceTerms& terms);

/// What becomes of the terms of a covariance, of which those of ones beside others may stand apart.
struct SplitTerms {
  bool through_core = false;             ///< all by OnesCore; else
  std::vector<ScaledProduct> plain;      ///< what is diagonal in the coordinates,
  std::vector<ScaledProduct> with_ones;  ///< and what is an update of it (OnesUpdate)
  std::vector<ModeContent> modes;        ///< of the coordinates, where there is an update
};
/// Local.
SplitTerms split_terms(const Extents& extents, const CovarianceTerms& terms);

}  // namespace kronwerk::models
