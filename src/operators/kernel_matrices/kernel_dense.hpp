#pragma once

#include "kronwerk/factors/base/factor.hpp"
#include "kronwerk/operators/kernel_matrices/kernel_operator.hpp"

namespace kronwerk::operators {

/// Every rank's points together, on every rank. Collective.
kernels::Side gather_side(const communication::Communicator& comm,
                          const kernels::DistributedSide& side);

/// scale * K + shift * I as a dense factor, once per node, its rows computed by the node's ranks.
/// Collective. @throws ResourceError if memory is short
factors::FactorPtr dense_kernel_factor(const KernelOperator& op);

/// Estimates for a factorisation of that factor.
struct DenseEstimate {
  double seconds = 0;         ///< evaluation, factorisation and a solve
  double bytes_per_node = 0;  ///< the matrix and its triangles
};
DenseEstimate estimate_dense(const KernelOperator& op, bool symmetric, Index columns);

/// a = (scale K + shift I)⁻¹ b with the factorised factor: every rank solves some of the columns.
/// Collective.
void dense_solve(const KernelOperator& op, const factors::Factorisation& factorisation,
                 std::span<const double> b, std::span<double> a, Index width, bool transposed);

}  // namespace kronwerk::operators
