#pragma once

#include "kronwerk/factors/base/factor.hpp"

namespace kronwerk::factors {

/// C with C Cᵀ = A, sparse: the Cholesky factor with its rows in the order of A's, so that its
/// columns are those of a fill-reducing elimination.
struct SparseCholesky {
  FactorPtr factor;        ///< null if A is not symmetric positive definite
  bool symmetric = false;  ///< whether A is symmetric to rounding
  double log_abs_det = 0;  ///< log|A|
  double least_pivot = 0;  ///< of L D Lᵀ
  double greatest_pivot = 0;
};

/// By CHOLMOD on one rank, once per node. Collective on comm.
/// @param matrix  square and sparse
/// @throws ResourceError on every rank if memory is short
SparseCholesky sparse_cholesky(const communication::Communicator& comm, const FactorPtr& matrix);

}  // namespace kronwerk::factors
