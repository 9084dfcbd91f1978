#pragma once

#include <string>
#include <vector>

#include "kronwerk/models/covariance/covariance.hpp"

namespace kronwerk::models {

/// The different matrices that the terms of a covariance have in one mode.
struct ModeContent {
  std::vector<factors::Chain> matrices;  ///< without identities; of one and its powers that one
  bool has_identity = false;
  bool semidefinite = false;  ///< whether a covariance's product has one of them, not sums alone
  bool orthogonal = false;    ///< whether coordinates must be
  bool inverted = false;      ///< whether sums that are inverted have all of them
  Index extent = 0;
};
/// Local.
std::vector<ModeContent> contents(const std::vector<ScaledProduct>& terms,
                                  const std::vector<InverseOfSum>& inverses);

/// The same of the terms without ones beside others, and of modes that have no matrix there a
/// matrix of the terms with ones.
std::vector<ModeContent> contents_beside_ones(const std::vector<ScaledProduct>& plain,
                                              const std::vector<ScaledProduct>& with_ones,
                                              const std::vector<bool>& mixed);
/// Whether one basis makes the matrices of a mode diagonal.
bool has_basis(const ModeContent& content);

/// Of matrices that are diagonal. Local.
factors::BasisPtr diagonal_basis(Index extent);

/// V_k = L_k⁻ᵀ and so on for one product without noise: bases in which its matrices are identities
/// (given eigenvectors: diagonal). Collective. @throws DataError if a matrix is not symmetric
/// positive definite
std::vector<BasisCache::Entry> cholesky_bases(const communication::Communicator& comm,
                                              const std::vector<factors::Chain>& chains,
                                              const BasisCache& cache);

/// Eigenvectors of the matrix of each mode, or of the pair of matrices. Collective.
/// @param noise  of a pair, the matrix that is positive definite if there is noise
/// @throws ConfigurationError if a mode has more than that, DataError as above
std::vector<BasisCache::Entry> eigenvector_bases(const communication::Communicator& comm,
                                                 const std::vector<ModeContent>& modes,
                                                 const ScaledProduct* noise,
                                                 const BasisCache& cache);

/// Collective. @throws DataError if a matrix is not symmetric positive semi-definite
void require_covariances(const communication::Communicator& comm,
                         const std::vector<factors::Chain>& matrices);

/// Reflections of ones in the modes that have them, and identities in the others, of covariances
/// with a dense core. Collective.
/// @param checked  whether its factors are known to be symmetric positive semi-definite
/// @throws DataError if one is not
std::vector<BasisCache::Entry> reflection_bases(const communication::Communicator& comm,
                                                const std::vector<ScaledProduct>& signal,
                                                const BasisCache& cache, bool checked);

}  // namespace kronwerk::models
