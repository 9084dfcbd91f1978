#pragma once

#include <span>

#include "kronwerk/communication/communicator.hpp"

namespace kronwerk::models {

using core::Index;

class CellWeights;
struct FlowEffects;

/// Weighted sums of the flows that change by one region r.
struct RegionSums {
  double row = 0;       ///< from r, with the flow within
  double column = 0;    ///< to r, with the flow within
  double crossing = 0;  ///< within r, without its weight
  double all = 0;
};

/// Adds the sums of every region to effects, of which `origin` and `destination` then are with the
/// flow within, and `total` is left alone where there are weights. Collective.
/// @param begin, own  this rank's regions
void add_region_sums(const communication::Communicator& comm, const CellWeights& weights,
                     Index begin, std::span<const RegionSums> own, FlowEffects& effects);

}  // namespace kronwerk::models
