#pragma once

#include <memory>
#include <span>
#include <vector>

#include "kronwerk/models/covariance/covariance.hpp"

namespace kronwerk::models {

/// M = X_(k) W X_(k)ᵀ of a vector X along a mode, W = diag ⊗ of the lists of the other modes: the
/// matrix whose product with VᵀAV is a quadratic form with A in mode k.
struct GramRequest {
  std::size_t mode = 0;                    ///< of the layout
  std::vector<std::vector<double>> lists;  ///< one per mode of the layout; empty for ones
};

/// This rank's parts of M, lower triangles of n_k x n_k, row-major: M is their sum over the ranks.
/// One exchange for all leading modes together. Collective.
std::vector<std::vector<double>> weighted_grams(const communication::Communicator& comm,
                                                Workspace& workspace, const Layout& layout,
                                                std::span<const double> block,
                                                const std::vector<GramRequest>& requests);

/// Σ_ij a_ij m_ij for symmetric matrices of which the lower triangles are given. Local.
double inner_product_of_lower(Index n, const double* a, const double* m);

}  // namespace kronwerk::models
