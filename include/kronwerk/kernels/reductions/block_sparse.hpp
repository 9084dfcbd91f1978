#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kronwerk/kernels/reductions/reduce.hpp"

namespace kronwerk::kernels {

/// Cubes that points are sorted into, along up to three of their coordinates: those in which the
/// points extend farthest. A point's place along coordinate c is floor((point_c - origin) / width).
struct CellGrid {
  using Place = std::array<std::int32_t, 3>;

  double width = 1;
  std::vector<int> coordinates;
  std::vector<double> origin;  ///< of each of the coordinates

  /// Where point p of the cloud is.
  Place place(const Cloud& points, Index p) const;
  /// The least distance that points of two cubes can have.
  double distance(const Place& a, const Place& b) const;
};

/// Which pairs are left out.
struct BlockSparsity {
  /// Variables of i and of j, of equal dimension: the points whose distance counts.
  std::string row_points;
  std::string column_points;
  /// Pairs whose cubes are farther apart than this are left out; none nearer than this is.
  std::optional<double> range{};
  /// The range follows from this: beyond it |F| (for logsumexp and softmax exp F) is at most the
  /// tolerance. Of formulas that decay with sqdist(x, y) or norm(x - y) of the two points.
  std::optional<double> tolerance{};
  /// Width of the cubes; by default such that they hold 16 to 128 points on average.
  std::optional<double> width{};
};

struct BlockSparseOutcome {
  ReduceOutcome reduced;
  CellGrid grid;
  double range = 0;          ///< infinite if the formula does not fall below the tolerance
  double skipped_share = 0;  ///< of the M N pairs
  /// Per request, how far the largest error of a result can be from 0: of sum, mean, norm and
  /// logsumexp without weight, as far as the formula's values can be bounded; else NaN.
  std::vector<double> error_bounds;
};

/// reduce() without pairs of distant points. Left-out pairs are absent: they count as 0 in sums and
/// means, and do not take part in min, max, all and the lists. Which pairs they are depends on the
/// points, not on the number of ranks: (i, j) is left out if
/// grid.distance(grid.place(x_i), grid.place(y_j)) > range.
///
/// Collective. Points are sorted by cube in Morton order (Morton 1966); every rank gathers, for its
/// points of one cube after the other, the columns of all cubes within the range.
/// @throws ConfigurationError on every rank for a tolerance with a reduction other than sum, mean,
///         norm, logsumexp and softmax; DataError for points that are not finite
BlockSparseOutcome reduce_block_sparse(const communication::Communicator& comm,
                                       const ReductionSetup& setup, const DistributedSide& rows,
                                       const DistributedSide& columns,
                                       const BlockSparsity& sparsity);

}  // namespace kronwerk::kernels
