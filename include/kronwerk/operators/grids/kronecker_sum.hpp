#pragma once

#include <functional>
#include <span>
#include <vector>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/core/extents.hpp"
#include "kronwerk/factors/base/factor.hpp"

namespace kronwerk::operators {

using core::Extents;
using core::Index;

/// The diagonals a_1, …, a_K of a Kronecker sum of diagonal matrices, whose own diagonal is
///   s[i_1, …, i_K] = a_1[i_1] + … + a_K[i_K],
/// first mode slowest. Every rank holds all of them; s itself is never stored by the functions here
/// unless it is what they are asked for.
using Diagonals = std::span<const std::vector<double>>;

/// (n_1, …, n_K)
Extents extents_of(Diagonals diagonals);

/// What is done with each s.
enum class SumFunction {
  identity,    ///< s
  reciprocal,  ///< 1 / s
};

/// values[j] = scale * f(s at global position begin + j), or += if `accumulate`.
///
/// Local: one pass that writes each value once, past the cache where the block is larger than it
/// (streaming stores, unless it accumulates). The same bits for every partition of the grid.
/// @param begin  global position of values[0]: home_begin(rank) of any home layout
/// @throws ShapeError if there is no diagonal or the range is not within the grid
void kronecker_sum_diagonal(Diagonals diagonals, Index begin, std::span<double> values,
                            double scale = 1, bool accumulate = false,
                            SumFunction function = SumFunction::identity);

/// Calls visit(first, piece) for consecutive pieces of the range, `first` being the global position
/// of the piece's first value. The pieces fit the first-level cache and may be overwritten: how a
/// function of the sum is applied without storing the sum. Local.
void visit_kronecker_sum(Diagonals diagonals, Index begin, Index count,
                         const std::function<void(Index first, std::span<double> piece)>& visit);

/// Σ log|s| over the whole grid and the sign of Π s: the log-determinant of the Kronecker sum.
///
/// Mantissas are multiplied and exponents added, so that there is one logarithm per some thousand
/// values; a zero gives log_abs = -infinity and sign 0. Collective; O(N / P) per rank, nothing
/// stored.
/// @throws DataError on every rank if a diagonal has a value that is not finite, or a sum overflows
factors::Determinant kronecker_sum_determinant(const communication::Communicator& comm,
                                               Diagonals diagonals);

}  // namespace kronwerk::operators
