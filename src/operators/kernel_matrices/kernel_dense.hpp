#pragma once

#include <optional>

#include "kronwerk/factors/base/factor.hpp"
#include "kronwerk/factors/dense/distributed_system.hpp"
#include "kronwerk/operators/kernel_matrices/kernel_operator.hpp"

namespace kronwerk::operators {

/// Every rank's points together, on every rank. Collective.
kernels::Side gather_side(const communication::Communicator& comm,
                          const kernels::DistributedSide& side);

/// Solves with scale * K + shift * I as a dense matrix: small ones once per node, factorised by one
/// rank; larger ones spread over all ranks.
class KernelDense {
 public:
  /// Evaluates and factorises. Collective.
  /// @param spread_extent  from which size on the matrix is spread over several ranks
  /// @throws DataError if the matrix is singular, ResourceError if memory is short
  KernelDense(const KernelOperator& op, bool symmetric, Index spread_extent);

  /// a = (scale K + shift I)⁻¹ b (or its transpose), this rank's rows x width. Collective.
  void solve(const KernelOperator& op, std::span<const double> b, std::span<double> a, Index width,
             bool transposed) const;
  factors::Determinant determinant() const;
  /// "dense Cholesky spread over 64 ranks", for reports.
  std::string description() const;

 private:
  factors::FactorPtr factor_;
  std::optional<factors::DistributedSystem> spread_;
};

/// Estimates for it.
struct DenseEstimate {
  double seconds = 0;         ///< evaluation, factorisation and a solve
  double bytes_per_node = 0;  ///< the matrix, and its triangles where they are apart
};
DenseEstimate estimate_dense(const KernelOperator& op, bool symmetric, Index columns,
                             Index spread_extent);

}  // namespace kronwerk::operators
