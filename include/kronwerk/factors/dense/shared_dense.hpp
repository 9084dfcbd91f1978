#pragma once

#include <functional>
#include <span>
#include <string>

#include "kronwerk/factors/base/factor.hpp"

namespace kronwerk::factors {

/// A dense factor (rows x cols, row-major) of which every node has one copy, filled by its ranks.
/// Collective on comm.
/// @param fill  called on every rank with the whole copy of its node, to write its part or, on most
///              ranks, nothing; must not communicate. What it throws on one rank, all throw.
/// @throws ResourceError if memory is short somewhere
FactorPtr make_shared_dense(const communication::Communicator& comm, std::string name, Index rows,
                            Index cols, const std::function<void(std::span<double>)>& fill);

/// As make_shared_dense(), every rank of a node writing some of the rows.
/// @param fill  called on ranks that have rows, with the first of them, their number, and where
///              they are
FactorPtr make_shared_dense_by_rows(const communication::Communicator& comm, std::string name,
                                    Index rows, Index cols,
                                    const std::function<void(Index, Index, double*)>& fill);

}  // namespace kronwerk::factors
