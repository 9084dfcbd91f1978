#pragma once

#include <vector>

#include "kronwerk/factors/spectra/bases.hpp"

namespace kronwerk::models {

using core::Index;

/// VᵀAV for symmetric matrices A and the V of a basis, or its diagonal alone, kept while the same
/// bases and matrices are asked for.
class BasisMatrices {
 public:
  struct Entry {
    factors::BasisPtr basis;
    factors::Chain matrix;
    std::vector<double> diagonal;
    factors::FactorPtr full;  ///< its lower triangle; null if only the diagonal was asked for
    bool used = true;
  };

  /// Whether full() or diagonal() would have nothing to compute.
  bool has(const factors::BasisPtr& basis, const factors::Chain& matrix, bool full) const;
  /// 3 n³ flops over the ranks of a node if new. Collective.
  const Entry& full(const communication::Communicator& comm, const factors::BasisPtr& basis,
                    const factors::Chain& matrix);
  /// n³ flops over all ranks if new. Collective.
  const Entry& diagonal(const communication::Communicator& comm, const factors::BasisPtr& basis,
                        const factors::Chain& matrix);
  /// Forgets what was not asked for since the last call.
  void forget_unused();

 private:
  Entry* find(const factors::BasisPtr& basis, const factors::Chain& matrix);
  std::vector<std::unique_ptr<Entry>> entries_;
};

}  // namespace kronwerk::models
