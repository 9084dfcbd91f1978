#pragma once

#include <map>
#include <set>
#include <string>

#include "application/inputs/kernel_matrix.hpp"
#include "kronwerk/communication/communicator.hpp"
#include "kronwerk/configuration/job.hpp"
#include "kronwerk/expressions/expression.hpp"
#include "kronwerk/expressions/lowering.hpp"
#include "kronwerk/factors/base/chain.hpp"
#include "kronwerk/io/files/location.hpp"

namespace kronwerk::application {

/// The matrices of a job from its datasets and kernels over what formulas know of them to factors:
/// the one place for every kind of job.

using MatrixData = std::map<std::string, io::DatasetInfo>;  ///< by the matrices' names

/// Looks the datasets of all matrices up; of one that is given as eigenvectors, that of these.
/// Nothing is loaded. Collective.
MatrixData inspect_matrices(const communication::Communicator& comm, const configuration::Job& job);

/// What operator formulas of the job may know: the parameters, its matrices and its kernels, these
/// also by what they are called at the parameters' values, for estimates.
/// @throws DataError for a dataset that is a single number
expressions::Symbols symbols_of(const configuration::Job& job, const MatrixData& data,
                                const std::map<std::string, KernelMatrix>& kernels,
                                const std::map<std::string, double>& parameters);

/// What the kernel matrices and their derivatives are called at these values of the parameters.
expressions::MatrixNames kernel_names_at(const std::map<std::string, KernelMatrix>& kernels,
                                         const std::map<std::string, double>& parameters);

/// A kernel matrix, or its derivative by a parameter.
struct KernelUse {
  std::string kernel;
  std::string parameter;  ///< "" for the matrix itself
};
/// Those among the names of a formula.
std::map<std::string, KernelUse> find_kernel_uses(
    const std::map<std::string, KernelMatrix>& kernels, const std::set<std::string>& names);

/// Loads a matrix, once per node: its one factor (of a vector the diagonal), or the product that it
/// is given as, {L, Lᵀ} of a Cholesky factor and {Q, diag(λ), Qᵀ} of eigenvectors and eigenvalues.
/// The vector of a Cholesky factor is squared. Collective.
/// @throws ShapeError, and DataError for an L that is not lower triangular and eigenvectors that
/// are not orthonormal: on every rank
factors::Chain load_matrix(const communication::Communicator& comm, const configuration::Job& job,
                           const std::string& name, const io::DatasetInfo& info);

}  // namespace kronwerk::application
