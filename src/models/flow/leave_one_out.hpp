#pragma once

#include <vector>

#include "kronwerk/models/flow/moments.hpp"

namespace kronwerk::models {

/// The precision of every observed flow given all other observed ones, where the flows `cells`, m
/// of them, were not observed: with Q = AᵀA the diagonal of Q_oo − Q_om Q_mm⁻¹ Q_mo.
class LeaveOneOut {
 public:
  /// O(T² m² + m³). Local; what is inverted in `matrices` must have been factorised.
  /// @param c      of the filter's terms
  /// @param cells  ascending, the same on every rank
  /// @throws DataError if Q_mm is singular to working precision
  LeaveOneOut(const FlowFilter& filter, const FlowMatrices& matrices, std::span<const double> c,
              const std::vector<Index>& cells);

  /// Takes the second part from the diagonal of Q at the rows [first, last) of origins. For each of
  /// these rows O(n_d k²), k being the unobserved flows that the row has to do with. Local.
  void subtract(Index first, Index last, std::span<double> diagonal) const;

 private:
  /// O_aᵀO_b (or D_aᵀD_b) at all rows and the regions that have unobserved flows.
  struct Table {
    std::vector<double> values;  ///< (n, width)
    std::size_t width = 0;
  };

  Index destinations_;
  std::vector<std::vector<double>> weights_;        ///< [pair of origin matrices][pair of others]
  std::array<std::vector<Table>, 2> tables_;        ///< of every pair of a mode's matrices
  std::array<std::vector<std::size_t>, 2> places_;  ///< of each unobserved flow in the tables
  std::vector<double> inverse_;                     ///< Q_mm⁻¹
};

}  // namespace kronwerk::models
