#pragma once

#include "operators/base/double_double.hpp"
#include "operators/grids/grid_rows.hpp"

namespace kronwerk::operators {

/// Sums of a grid's values over all modes but one, for every mode, from one pass over the values;
/// compensated.
class GridSums {
 public:
  explicit GridSums(Extents extents);

  /// Adds the values at global positions begin, begin + 1, …. Local.
  void add(Index begin, std::span<const double> values);
  /// Adds 1 / s for the positions [begin, begin + count) of a Kronecker sum. Local.
  void add_reciprocals(const SumRows& sum, Index begin, Index count);
  /// Adds up what all ranks have: one Allreduce. Collective.
  /// @throws DataError on every rank if a sum is not finite
  void reduce(const communication::Communicator& comm);

  /// After reduce(): n_k sums for mode k.
  std::span<const DoubleDouble> mode(std::size_t k) const;
  /// Σ x²
  double squares() const { return squares_.value(); }

 private:
  template <typename SumTile>
  void add_tiles(Index begin, Index count, SumTile&& sum);
  void fold_columns();

  Extents extents_;
  RowSplit split_;
  std::vector<std::vector<DoubleDouble>> modes_;
  std::vector<double> column_high_;
  std::vector<double> column_low_;
  DoubleDouble squares_;
};

/// Sums over all ranks in place, in double-double arithmetic. Collective.
void reduce_compensated(const communication::Communicator& comm, std::span<DoubleDouble> values);

}  // namespace kronwerk::operators
