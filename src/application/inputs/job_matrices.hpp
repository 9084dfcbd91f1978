#pragma once

#include <string>

#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/configuration/job.hpp"
#include "kronwerk/factors/base/chain.hpp"
#include "kronwerk/io/hdf5/read.hpp"

namespace kronwerk::application {

/// A matrix of a job as the covariance that it is, in whatever form its data are: the matrix, its
/// Cholesky factor ({L, Lᵀ}), or its eigenvectors and eigenvalues ({Q, diag(λ), Qᵀ}). Of a vector
/// the diagonal, which is squared where it is that of a Cholesky factor.
struct GivenMatrix {
  io::DatasetInfo info;  ///< of the matrix, or of the L or Q that stands for it
  factors::Chain chain;
};

/// Reads it. Collective. @throws ShapeError, and DataError for an L that is not lower triangular
/// and eigenvectors that are not orthonormal: on every rank
GivenMatrix read_given_matrix(const communication::Communicator& comm,
                              const configuration::Job& job, const std::string& name);

}  // namespace kronwerk::application
