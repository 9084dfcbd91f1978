#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kronwerk/models/covariance/covariance.hpp"

namespace kronwerk::models {

/// Which random numbers draws are made of: draw d has streams d * parts, …, d * parts + parts - 1.
struct DrawStreams {
  std::uint64_t seed = 0;
  Index first = 0;  ///< draw
  Index count = 1;
  Index parts = 1;
};

/// values += scale (⊗roots_k) z for every draw, z from stream `part` of it: this rank's home block
/// of `count` vectors over the rows of the roots, with the given split. Collective.
void add_field(const communication::Communicator& comm, const std::shared_ptr<Workspace>& workspace,
               double scale, const std::vector<factors::Chain>& roots, int leading_modes,
               const DrawStreams& streams, Index part, std::span<double> values);

/// values += R z of as many draws of a field with the covariance R Rᵀ over the grid, z in the
/// operator's input layout. Collective.
void add_field(const OperatorPtr& root, Index size, const DrawStreams& streams, Index part,
               std::span<double> values);

/// values += √scale ⊗√D_k z for every draw, with the diagonal D_k of a noise term. Local.
/// @param first  where this rank's block begins among all draws' values
void add_noise(const ScaledProduct& noise, const Extents& extents, const DrawStreams& streams,
               Index part, Index first, std::span<double> values);

}  // namespace kronwerk::models
