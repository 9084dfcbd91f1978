#pragma once

#include <functional>
#include <string>
#include <vector>

#include "kronwerk/factors/base/factor.hpp"
#include "kronwerk/factors/spectra/bases.hpp"

/// Checks of covariance matrices and their Cholesky factors. A matrix is n x n, row-major.
namespace kronwerk::models {

using core::Index;

/// λ below minus this is no rounding error of a matrix of extent n with eigenvalues up to
/// `largest`.
double rounding_of_eigenvalues(Index n, double largest);

/// Local. @throws DataError with the entries that differ most, if the matrix is not symmetric to
/// rounding, or if a value is not finite
void require_symmetric(const std::string& name, Index n, const std::vector<double>& matrix);

/// @throws DataError, naming the smallest eigenvalue, if it is negative beyond rounding. Local.
void require_semidefinite(const std::string& name, Index n, double smallest, double largest);

/// Why a Cholesky factorisation failed: the matrix is indefinite, or else singular. Local.
[[noreturn]] void throw_not_definite(const std::string& name, Index n, std::vector<double> matrix);

/// Replaces the lower triangle by the Cholesky factor and the upper one by zeros; false if a pivot
/// is not positive or lost to rounding. Local.
bool cholesky_in_place(Index n, std::vector<double>& matrix);

/// P L (n x rank, row-major) of the Cholesky factorisation with complete pivoting (Higham 2002,
/// section 10.3). Local. @throws DataError if the matrix is not positive semi-definite beyond
/// rounding
struct PivotedCholesky {
  Index rank = 0;
  std::vector<double> factor;
};
PivotedCholesky pivoted_cholesky(const std::string& name, Index n,
                                 const std::vector<double>& matrix);

/// rows x cols numbers as a dense factor once per node, filled by one rank of each node, different
/// ones by different ranks at the same time.
struct DenseTask {
  std::string name;
  Index rows = 0;
  /// Returns the number of columns and the values. Local; may throw.
  std::function<std::pair<Index, std::vector<double>>()> compute;
};
/// Collective. @throws what a task threw, on every rank
std::vector<factors::FactorPtr> compute_once_per_node(const communication::Communicator& comm,
                                                      const std::vector<DenseTask>& tasks);

}  // namespace kronwerk::models
