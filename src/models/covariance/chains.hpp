#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kronwerk/factors/base/chain.hpp"

/// What the models layer asks of the matrix of one mode. All local.
namespace kronwerk::models {

using core::Index;

/// p if the chain is the p-th power of a chain of symmetric matrices: 1 for the same, 2 for that
/// twice, -1 for one inverted link.
std::optional<int> power_of(const factors::Chain& chain, const factors::Chain& base);

/// "K", "inv(A)*B'": what messages call it; a matrix that is given by a factorisation is called
/// what its factor is.
std::string name_of(const factors::Chain& chain);

/// {L, Lᵀ}: a matrix given by its Cholesky factor.
bool is_cholesky(const factors::Chain& chain);

/// {Q, diag(λ), Qᵀ}: a matrix given by its eigenvectors and eigenvalues.
bool is_eigendecomposition(const factors::Chain& chain);

/// The diagonal of a chain that is_diagonal().
std::vector<double> diagonal_of(const factors::Chain& chain);

/// The chain's matrix as one row-major array; its inverses must have been factorised.
std::vector<double> dense_matrix(const factors::Chain& chain);

/// The chain's matrix times a vector; its inverses must have been factorised.
std::vector<double> image_of(const factors::Chain& chain, const std::vector<double>& x);

factors::Chain identity_chain(Index extent);

}  // namespace kronwerk::models
