#pragma once

#include <algorithm>
#include <vector>

#include "kronwerk/core/extents.hpp"
#include "kronwerk/distribution/layout.hpp"

namespace kronwerk::models {

using core::Extents;
using core::Index;

/// coefficient * ⊗_k lists[k], vectors instead of matrices; an empty list is one of ones.
struct GridTerm {
  double coefficient = 1;
  std::vector<std::vector<double>> lists;
};

/// coefficient / Σ terms.
struct GridReciprocal {
  double coefficient = 1;
  std::vector<GridTerm> terms;
};

/// ⊗ of the lists of modes [first, last) at the flat indices [begin, end) of these modes.
std::vector<double> products(const Extents& extents, const std::vector<std::vector<double>>& lists,
                             std::size_t first, std::size_t last, Index begin, Index end);

/// Σ_t coefficient_t ⊗_k lists_t,k and reciprocals of such sums over a grid, evaluated piece by
/// piece: what is stored are the products over the trailing modes that make a row. Local.
class GridValues {
 public:
  static constexpr Index run_length = 1024;

  /// @param terms  none: zero everywhere
  GridValues(Extents extents, std::vector<GridTerm> terms,
             const std::vector<GridReciprocal>& reciprocals = {});

  Index size() const noexcept { return rows_ * columns_; }
  /// out[j] = value of flat index first + j.
  void evaluate(Index first, Index count, double* out) const;
  double at(Index index) const;

  /// Calls use(values, offset, count) for runs of the `count` flat indices from `first` on, of a
  /// batch of grids one after the other; offset counts from `first`.
  template <typename Use>
  void for_runs(Index first, Index count, const Use& use) const {
    alignas(64) double values[run_length];
    for (Index offset = 0; offset < count;) {
      const Index place = (first + offset) % size();
      const Index length = std::min({run_length, count - offset, columns_ - place % columns_});
      evaluate_row(place / columns_, place % columns_, length, values);
      use(static_cast<const double*>(values), offset, length);
      offset += length;
    }
  }

 private:
  void evaluate_row(Index row, Index column, Index count, double* out) const;

  Extents extents_;
  std::vector<GridTerm> terms_;
  std::size_t leading_ = 0;  ///< modes that make the row's index
  Index rows_ = 1;
  Index columns_ = 1;
  std::vector<std::vector<double>> tables_;  ///< per term, over a row
  std::vector<double> coefficients_;         ///< of the reciprocals
  std::vector<GridValues> reciprocals_;
};

}  // namespace kronwerk::models
