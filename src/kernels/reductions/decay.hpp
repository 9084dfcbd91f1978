#pragma once

#include <vector>

#include "kernels/formula/interval.hpp"
#include "kernels/reductions/cells.hpp"

namespace kronwerk::kernels {

/// What a formula's values can be beyond a distance of two points.
class Decay {
 public:
  /// Collective. The setup reduces over j.
  Decay(const communication::Communicator& comm, const ReductionSetup& setup,
        const DistributedSide& rows, const DistributedSide& columns, const BlockSparsity& sparsity,
        const Box& box);

  /// Bound of |F| (or of exp F) of all pairs at least `distance` apart.
  double beyond(double distance, bool exponential) const;
  /// The least distance beyond which all that the requests need is at most `tolerance`; infinity if
  /// there is none. @throws ConfigurationError for a request without tolerance
  double range(double tolerance) const;

 private:
  const ReductionSetup& setup_;
  PairRanges ranges_;
  double greatest_;  ///< distance of any two points
};

}  // namespace kronwerk::kernels
