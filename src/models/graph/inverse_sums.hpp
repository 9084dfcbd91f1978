#pragma once

#include <vector>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/operators/grids/kronecker_sum.hpp"

namespace kronwerk::models {

using core::Extents;
using core::Index;

/// A vector for every mode, n_k values each; the same on every rank.
using ModeVectors = std::vector<std::vector<double>>;

/// b_k(i): the mean of 1/s over the other modes, compensated. Collective; one pass over the grid.
ModeVectors reciprocal_means(const communication::Communicator& comm, operators::Diagonals spectra);

/// Second derivatives of −log|s| by the diagonals of a Kronecker sum s: sums of 1/s² over all modes
/// but one or two. Of two modes these are the values 1/s² themselves, which stay spread over the
/// ranks; of more, n_k n_l sums of every pair of modes, on every rank.
class PairSums {
 public:
  /// Collective; one pass over the grid. The sum must be positive.
  PairSums(const communication::Communicator& comm, operators::Diagonals spectra);

  /// c_k(i): the mean of 1/s² over the other modes.
  const ModeVectors& squares() const { return squares_; }
  /// (H d)_k(i) = mean over the other modes of Σ_l d_l / s². Collective.
  ModeVectors apply(const ModeVectors& d) const;

 private:
  struct Pair {
    std::size_t first = 0;
    std::size_t second = 0;
    std::vector<double> sums;  ///< (n_first, n_second)
  };

  void add_rows(std::span<const double> values, Index first);
  Pair& pair(std::size_t first, std::size_t second);

  const communication::Communicator* comm_;
  Extents extents_;
  Index begin_ = 0;
  std::vector<double> values_;  ///< of two modes: 1/s² from position `begin_` on
  std::vector<Pair> pairs_;     ///< of more
  ModeVectors squares_;
};

}  // namespace kronwerk::models
