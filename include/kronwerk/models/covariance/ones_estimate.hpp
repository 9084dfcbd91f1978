#pragma once

#include <vector>

#include "kronwerk/core/extents.hpp"

namespace kronwerk::models {

/// What a term of a covariance has in one mode: an identity, a matrix of ones, or something else.
enum class TermPart { identity, ones, matrix };

/// How a covariance with noise and terms of ones is brought to simple form, and what that takes.
struct OnesEstimate {
  /// Whether a mode has ones in some terms and other matrices in others.
  bool needed = false;
  /// Coordinates of the dense core, and columns of the update.
  double core = 0;
  double columns = 0;
  /// Whether the update is taken where both are possible: where a term has no ones, or the core
  /// would be too large.
  bool update = false;
  /// Of the way that is taken, on every node.
  double bytes_per_node() const noexcept;
};

/// Of the extents alone, so that it does not depend on the number of ranks. Local.
/// @param terms  per term and mode
OnesEstimate estimate_ones(const core::Extents& extents,
                           const std::vector<std::vector<TermPart>>& terms);

/// The modes that have ones in some terms and other matrices in others. Local.
std::vector<bool> modes_with_mixed_ones(const std::vector<std::vector<TermPart>>& terms);

}  // namespace kronwerk::models
