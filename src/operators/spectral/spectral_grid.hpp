#pragma once

#include <algorithm>
#include <complex>
#include <cstdint>
#include <vector>

#include "kronwerk/operators/spectral/spectral_operator.hpp"

namespace kronwerk::operators::spectral {

/// Σ_t c_t ⊗_k v_{t,k} with vectors instead of matrices: the values of a SpectralSum over its grid,
/// or of anything else of that form. An empty vector is one of ones.
struct Values {
  Extents extents;
  /// Per mode: of the first 2 pairs[k] indices, 2p and 2p + 1 belong to a conjugate pair.
  std::vector<Index> pairs;
  std::vector<SpectralTerm> terms;
  std::vector<SpectralReciprocal> reciprocals{};

  bool complex() const;
};

/// A sum as values. @throws InternalError if its lists do not fit its bases; ConfigurationError for
/// a Schur basis; DataError for numbers that are not finite
Values values_of(const SpectralSum& sum);

/// [begin, end) of flat indices.
struct Range {
  Index begin = 0;
  Index end = 0;
  Index size() const noexcept { return end - begin; }
};

/// Where the pairs are in one of the two groups of modes, over a range of its flat index. Empty but
/// for the range if no mode of the grid has pairs.
struct Side {
  Range range;
  /// Bit m is set if the index is in a pair of pair_strides[m]'s mode.
  std::vector<std::uint16_t> paired;
  /// The same bit is set where the index is the second of that pair.
  std::vector<std::uint16_t> second;
  /// Distance of the two indices of a pair, per mode of the group that has pairs.
  std::vector<Index> pair_strides;
  /// Maximal runs without pairs.
  std::vector<Range> real_runs;
};

/// Values over a grid whose first `outer_modes` modes form the outer group and the others the inner
/// one: value(i, j) = Σ_r outer_r(i) inner_r(j) with the fewest r: 2 for a Kronecker sum of any
/// number of modes; reciprocals are such grids of their own. What is stored is the two ranges, not
/// their product.
class SpectralGrid {
 public:
  /// Local. @param outer, inner  ranges of the groups' flat indices that will be asked for
  SpectralGrid(const Values& values, int outer_modes, Range outer, Range inner);
  /// Over the whole grid.
  SpectralGrid(const Values& values, int outer_modes);
  SpectralGrid(SpectralGrid&&) = default;
  SpectralGrid(const SpectralGrid&) = delete;

  bool complex() const noexcept { return complex_; }
  const Side& outer() const noexcept { return outer_; }
  const Side& inner() const noexcept { return inner_; }
  Index outer_extent() const noexcept { return outer_extent_; }
  Index inner_extent() const noexcept { return inner_extent_; }

  /// The real parts of the values (row, column), …, (row, column + count - 1), no more than a run.
  void real(Index row, Index column, Index count, double* out) const;
  /// Both parts. Only if complex().
  void parts(Index row, Index column, Index count, double* re, double* im) const;
  std::complex<double> at(Index row, Index column) const;

  /// Calls visit(row, column, count) for pieces of at most `longest` values of one row that
  /// together are the flat indices [first, first + count) of the grid, in order.
  template <typename Visit>
  void for_each_run(Index first, Index count, Index longest, const Visit& visit) const {
    Index row = inner_extent_ == 0 ? 0 : first / inner_extent_;
    Index column = first - row * inner_extent_;
    while (count > 0) {
      const Index length = std::min({count, longest, inner_extent_ - column});
      visit(row, column, length);
      count -= length;
      column += length;
      if (column == inner_extent_) {
        column = 0;
        ++row;
      }
    }
  }

 private:
  void add_outer(const std::vector<std::vector<std::complex<double>>>& lists);
  void add_inner(const std::vector<std::vector<std::complex<double>>>& lists);

  bool complex_ = false;
  Index outer_extent_ = 1;
  Index inner_extent_ = 1;
  Side outer_;
  Side inner_;
  /// Per outer index, contiguous: outer_r, or Re outer_r and -Im outer_r for every r.
  std::vector<double> weights_;
  std::size_t weight_count_ = 0;
  /// inner_r, or Re inner_r and Im inner_r for every r.
  std::vector<std::vector<double>> arrays_;
  std::vector<const double*> array_pointers_;
  std::vector<double> coefficients_;  ///< of the reciprocals
  std::vector<SpectralGrid> reciprocals_;
};

/// The number of outer modes, at least `least`, with which the two sides are smallest.
int balanced_split(const Extents& extents, int least = 0);

}  // namespace kronwerk::operators::spectral
