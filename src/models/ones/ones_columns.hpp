#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "kronwerk/operators/spectral/spectral_operator.hpp"
#include "models/covariance/grid_values.hpp"

namespace kronwerk::models {

/// The columns U = [U_S, …] of matrices of ones in coordinates V with VᵀDV = diag(e): for a set S
/// of modes, U_S has u_k = V_kᵀ1 in the modes of S and unit vectors in the others. Nothing of them
/// is stored; sums with them are over pieces of the grid. All local.
class OnesColumns {
 public:
  /// U_S of one set of modes.
  struct Set {
    std::vector<bool> ones;      ///< per mode, whether it is in S
    std::vector<Index> strides;  ///< of the other modes in the columns' numbers; 0 in S
    Index first = 0;             ///< column
    Index size = 1;
  };

  /// @param spectrum  e, without reciprocals
  /// @param sets      S per set; not empty
  OnesColumns(const operators::SpectralSum& spectrum, const std::vector<std::vector<bool>>& sets);

  Index size() const noexcept { return size_; }
  const Extents& extents() const noexcept { return extents_; }
  const std::vector<Set>& sets() const noexcept { return sets_; }
  /// A set that need not be among these: its columns begin at 0.
  Set set_of(const std::vector<bool>& ones) const;
  const GridValues& eigenvalues() const noexcept { return eigenvalues_; }
  /// u_k.
  const std::vector<double>& vector(std::size_t mode) const { return vectors_[mode]; }

  /// The column of a set at these coordinates, that of `without` left out.
  Index column(const Set& set, std::span<const Index> place, std::size_t without) const;
  /// Π u_k over the modes of a set, `without` left out.
  double weight(const Set& set, std::span<const Index> place, std::size_t without) const;
  /// 1/e along a mode, the other coordinates being these.
  void reciprocals(std::span<const Index> place, std::size_t mode, double* out) const;
  /// Coordinates of a number among the modes that are `chosen`, 0 in the others.
  std::vector<Index> place_of(Index number, const std::vector<bool>& chosen) const;

  /// sums += Uᵀx, a row for each vector of a batch, for the flat indices from `first` on.
  void gather(Index first, std::span<const double> x, std::span<double> sums) const;
  /// x += U sums.
  void spread(Index first, std::span<const double> sums, std::span<double> x) const;
  /// out += row `row` of U_Sᵀ diag(1/e) [U_S', …] for several sets S', at their columns.
  void add_row(const Set& set, Index row, std::span<const Set> others, double* out) const;

 private:
  /// Calls use(vector of the batch, coordinates with the first of the last mode, count, offset).
  template <typename Use>
  void for_segments(Index first, Index count, const Use& use) const;

  Extents extents_;
  std::vector<std::vector<double>> vectors_;
  std::vector<GridTerm> terms_;
  GridValues eigenvalues_;
  std::vector<Set> sets_;
  Index size_ = 0;
};

}  // namespace kronwerk::models
