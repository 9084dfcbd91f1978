#pragma once

#include <span>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/core/extents.hpp"
#include "kronwerk/models/laplace/cell_likelihood.hpp"

namespace kronwerk::models {

using core::Index;

/// Draws of cells given their field: every cell has a counter-based sequence of its own, so that
/// they are the same for every np. Collective.
/// @param first  number of this rank's first cell, counted over all draws
/// @throws DataError on every rank for a mean that cannot be counted
void draw_cells(const communication::Communicator& comm, const CellLikelihood& likelihood,
                std::uint64_t seed, Index first, std::span<const double> sizes,
                std::span<const double> field, std::span<double> counts);

}  // namespace kronwerk::models
